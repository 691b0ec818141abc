// The graph's answers against definitions that are applied by brute force (graph_oracle.hpp).
#include "graph_oracle.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

namespace hangspy::graph {
namespace {

using oracle::Mask;
using oracle::Plain;

Plain random_plain(std::mt19937& random) {
  const auto below = [&](unsigned bound) {
    return std::uniform_int_distribution<unsigned>(0, bound - 1)(random);
  };
  Plain plain;
  const unsigned nodes = 1 + below(oracle::kMaxNodes);
  for (unsigned node = 0; node < nodes; ++node) {
    constexpr std::array kRare{Acts::kAlone, Acts::kOpen, Acts::kAtDeadline, Acts::kUnreadable};
    plain.acts.push_back(below(4) == 0 ? kRare[below(kRare.size())] : Acts::kWhenFreed);
    std::vector<Mask> groups;
    for (unsigned group = below(4); group > 0; --group) {
      Mask ends = 0;
      for (unsigned end = below(8) == 0 ? 0 : 1 + below(3); end > 0; --end)
        ends |= oracle::bit(below(nodes));
      groups.push_back(ends);
    }
    plain.groups.push_back(groups);
  }
  return plain;
}

TEST(GraphOracle, AgreesOnRandomSmallGraphs) {
  constexpr int kGraphs = 100'000;
  std::mt19937 random(20'240'611);
  for (int graph = 0; graph < kGraphs; ++graph) {
    const Plain plain = random_plain(random);
    const Assume assume{.timers_fire = graph % 2 == 0, .unreadable_acts = graph % 4 < 2};
    ASSERT_EQ(oracle::difference(plain, assume), "")
        << "graph " << graph << ", " << oracle::describe(plain, assume);
  }
}

// The random graphs are of use only when they are neither all free nor all stuck.
TEST(GraphOracle, LooksAtGraphsOfEverySort) {
  std::mt19937 random(20'240'611);
  std::array<int, 4> with_causes{};  // none, one, two, more
  int cycles = 0;
  for (int graph = 0; graph < 10'000; ++graph) {
    const Sketch sketch = oracle::to_sketch(random_plain(random));
    const auto found = causes(sketch.graph, reduce(sketch.graph, {}));
    ++with_causes[std::min<std::size_t>(found.size(), 3)];
    for (const Component& component : found) cycles += component.nodes.size() > 1 ? 1 : 0;
  }
  for (const int count : with_causes) EXPECT_GT(count, 500);
  EXPECT_GT(cycles, 500);
}

}  // namespace
}  // namespace hangspy::graph
