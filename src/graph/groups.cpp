// A node that acts is held by nothing, and nor is a stuck one by a group with an end that acts.
#include "graph/groups.hpp"

namespace hangspy::graph {

GroupSlots::GroupSlots(const WaitGraph& graph) {
  const auto nodes = static_cast<NodeIndex>(graph.nodes().size());
  first_.reserve(nodes + std::size_t{1});
  first_.push_back(0);
  for (NodeIndex node = 0; node < nodes; ++node) {
    first_.push_back(first_.back() + graph.group_count(node));
  }
}

std::vector<bool> holding_groups(const WaitGraph& graph, const GroupSlots& slots,
                                 const std::vector<bool>& acts) {
  std::vector<bool> holds(slots.count(), true);
  for (NodeIndex node = 0; node < acts.size(); ++node) {
    if (!acts[node]) continue;
    for (std::size_t slot = slots.begin(node); slot < slots.end(node); ++slot) holds[slot] = false;
  }
  for (const Edge& edge : graph.edges()) {
    if (acts[edge.to]) holds[slots.of(edge)] = false;
  }
  return holds;
}

}  // namespace hangspy::graph
