// Strongly connected components (Tarjan 1972) of the stuck part of a graph, without recursion: a
// chain of a million waits must not end on our own stack.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "graph/groups.hpp"
#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {

constexpr std::uint32_t kNoComponent = std::numeric_limits<std::uint32_t>::max();

struct StrongComponents {
  std::vector<std::uint32_t> of;  // by node; kNoComponent for a node that acts
  std::uint32_t count = 0;

  [[nodiscard]] bool is_inside(const Edge& edge) const { return of[edge.from] == of[edge.to]; }
};
// `counts`: by slot, the groups whose edges are followed; they lead from stuck nodes to stuck ones.
[[nodiscard]] StrongComponents strong_components(const WaitGraph& graph,
                                                 const std::vector<bool>& acts,
                                                 const GroupSlots& slots,
                                                 const std::vector<bool>& counts);

}  // namespace hangspy::graph
