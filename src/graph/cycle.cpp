// The cycle that a report shows: breadth first, so no longer than it must be, and always along the
// smallest edge, so that the same dump gives the same words.
//
// A queue filled in the order of edges holds the nodes of each distance in the lexicographic order
// of their best paths. So the first node found to have an edge back gives the smallest cycle.
#include <algorithm>
#include <cstddef>
#include <vector>

#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {
namespace {

// Back along the edges by which the nodes were reached, then turned round.
std::vector<EdgeIndex> cycle_ending_with(const WaitGraph& graph, EdgeIndex last, NodeIndex start,
                                         const std::vector<EdgeIndex>& reached_by) {
  std::vector<EdgeIndex> cycle{last};
  for (NodeIndex node = graph.edge(last).from; node != start;
       node = graph.edge(cycle.back()).from) {
    cycle.push_back(reached_by[node]);
  }
  std::reverse(cycle.begin(), cycle.end());
  return cycle;
}

}  // namespace

std::vector<EdgeIndex> shortest_cycle(const WaitGraph& graph, const Component& component,
                                      NodeIndex start) {
  std::vector<bool> counts(graph.edges().size());
  for (const EdgeIndex edge : component.waits) counts[edge] = true;
  std::vector<EdgeIndex> reached_by(graph.nodes().size(), kNoEdge);
  std::vector<NodeIndex> queue{start};
  for (std::size_t at = 0; at < queue.size(); ++at) {
    for (const EdgeIndex edge : graph.edges_of(queue[at])) {
      if (!counts[edge]) continue;
      const NodeIndex to = graph.edge(edge).to;
      if (to == start) return cycle_ending_with(graph, edge, start, reached_by);
      if (reached_by[to] != kNoEdge) continue;
      reached_by[to] = edge;
      queue.push_back(to);
    }
  }
  return {};
}

}  // namespace hangspy::graph
