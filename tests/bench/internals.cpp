// What the two innermost things cost: a read of eight bytes that are cached, and the reduction of a
// graph of as many nodes as a worker with 100,000 tasks has. `build/bench_internals` runs them.
#include <benchmark/benchmark.h>

#include "hangspy/wait_graph.hpp"
#include "memory/page_cache.hpp"

namespace hangspy {
namespace {

constexpr std::uint64_t kPages = 1024;

void cached_read(benchmark::State& state) {
  const memory::PageCache cache(
      [](std::span<const Address>, std::span<std::byte>) -> Result<std::vector<std::size_t>> {
        return {};
      });
  std::uint64_t page = 0;
  for (auto _ : state) {
    const Address at{memory::kPageSize * (1 + page) + 64};
    benchmark::DoNotOptimize(memory::read_as<std::uint64_t>(cache, at));
    page = (page + 7) % kPages;  // not the page that was read last
  }
}
BENCHMARK(cached_read);

// A chain: each task waits for the next, and the last can act.
graph::WaitGraph chain(std::int64_t length) {
  graph::WaitGraph graph;
  graph::NodeIndex last = 0;
  for (std::int64_t i = 0; i < length; ++i) {
    const Address address{0x1000 + 16 * static_cast<std::uint64_t>(i)};
    const auto node = graph.node({graph::NodeKind::kTask, address});
    if (i != 0) graph.need(last, node, graph::Relation::kWaitsFor, {});
    last = node;
  }
  graph.at(last).acts = graph::Acts::kAlone;
  return graph;
}

void reduction(benchmark::State& state) {
  const auto graph = chain(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(graph::reduce(graph, {}));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(reduction)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hangspy
