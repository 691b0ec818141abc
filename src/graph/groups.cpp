// Two passes over the edges: which groups have an end that acts, then who is in the others.
#include "graph/groups.hpp"

namespace hangspy::graph {

GroupSlots::GroupSlots(const WaitGraph& graph) {
  const std::size_t nodes = graph.nodes().size();
  first_.reserve(nodes);
  for (NodeIndex node = 0; node < nodes; ++node) {
    first_.push_back(count_);
    count_ += graph.group_count(node);
  }
}

std::vector<bool> holding_edges(const WaitGraph& graph, const std::vector<bool>& acts) {
  const GroupSlots slots(graph);
  std::vector<bool> satisfied(slots.count());
  for (const Edge& edge : graph.edges()) {
    if (acts[edge.to]) satisfied[slots.of(edge)] = true;
  }
  std::vector<bool> holds;
  holds.reserve(graph.edges().size());
  for (const Edge& edge : graph.edges()) {
    holds.push_back(!acts[edge.from] && !satisfied[slots.of(edge)]);
  }
  return holds;
}

}  // namespace hangspy::graph
