// The graph's reduction, causes and cycles: small graphs against brute force, larger ones against
// what must hold of any.
#include <algorithm>

#include "../unit/graph_oracle.hpp"
#include "bytes.hpp"
#include "reports.hpp"

namespace hangspy::graph {
namespace {

constexpr Acts kActs[] = {Acts::kWhenFreed, Acts::kWhenFreed, Acts::kWhenFreed,  Acts::kWhenFreed,
                          Acts::kAlone,     Acts::kOpen,      Acts::kAtDeadline, Acts::kUnreadable};

void compare_small(fuzz::Bytes& bytes, const Assume& assume) {
  oracle::Plain plain;
  const unsigned nodes = 1 + bytes.byte() % oracle::kMaxNodes;
  for (unsigned node = 0; node < nodes; ++node) {
    const auto head = bytes.byte();
    plain.acts.push_back(kActs[head % 8]);
    auto& groups = plain.groups.emplace_back();
    for (unsigned group = head / 8 % 4; group > 0; --group) {
      groups.push_back(bytes.byte() & (oracle::bit(nodes) - 1));
    }
  }
  const auto wrong = oracle::difference(plain, assume);
  fuzz::require(wrong.empty(), wrong + "\n" + oracle::describe(plain, assume));
}

WaitGraph large(fuzz::Bytes& bytes) {
  Sketch sketch;
  const auto nodes = static_cast<NodeIndex>(1 + bytes.number(2) % 500);
  for (NodeIndex node = 0; node < nodes; ++node) sketch.add(kActs[bytes.byte() % 8]);
  while (!bytes.empty()) {
    const auto from = static_cast<NodeIndex>(bytes.number(2) % nodes);
    std::vector<NodeIndex> ends;
    for (auto count = bytes.byte() % 4; count > 0; --count) {
      ends.push_back(static_cast<NodeIndex>(bytes.number(2) % nodes));
    }
    sketch.needs_any(from, ends);
  }
  return std::move(sketch.graph);
}

void require_cycle(const WaitGraph& graph, const Component& cause) {
  const auto cycle = shortest_cycle(graph, cause, cause.nodes.front());
  fuzz::require(cycle.empty() != cause.is_cycle, "a cause that is a cycle has one");
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    const auto& next = graph.edge(cycle[(i + 1) % cycle.size()]);
    fuzz::require(graph.edge(cycle[i]).to == next.from, "the cycle is closed");
  }
}

void look_at_large(fuzz::Bytes& bytes) {
  const auto graph = large(bytes);
  const auto acts = reduce(graph, {});
  for (const Assume& less : {Assume{.timers_fire = false}, Assume{.unreadable_acts = false}}) {
    const auto fewer = reduce(graph, less);
    for (NodeIndex i = 0; i < acts.size(); ++i) {
      fuzz::require(acts[i] || !fewer[i], "who acts under less acts under more");
    }
  }
  std::vector<bool> in_a_cause(acts.size(), false);
  const auto found = causes(graph, acts);
  for (const auto& cause : found) {
    for (const auto node : cause.nodes) {
      fuzz::require(!acts[node], "a cause is stuck");
      fuzz::require(!in_a_cause[node], "no node is in two causes");
      in_a_cause[node] = true;
    }
    require_cycle(graph, cause);
  }
  if (found.empty()) return;
  // Of one cause: each takes as long as the whole graph.
  for (const auto node : stuck_behind(graph, found.front(), acts)) {
    fuzz::require(!acts[node], "who is stuck behind a cause is stuck");
  }
}

}  // namespace
}  // namespace hangspy::graph

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hangspy::fuzz::Bytes bytes(data, size);
  const auto head = bytes.byte();
  const hangspy::graph::Assume assume{(head & 1U) != 0, (head & 2U) != 0};
  if ((head & 4U) != 0) {
    hangspy::graph::look_at_large(bytes);
  } else {
    hangspy::graph::compare_small(bytes, assume);
  }
  return 0;
}
