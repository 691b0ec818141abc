// Strongly connected components (Tarjan 1972) of the stuck part of a graph, without recursion: a
// chain of a million waits must not end on our own stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {

constexpr std::uint32_t kNoComponent = std::numeric_limits<std::uint32_t>::max();

struct StrongComponents {
  std::vector<std::uint32_t> of;  // by node; kNoComponent for a node that acts
  std::uint32_t count = 0;
};
// `follow`: by edge, whether it counts. Edges that count lead from stuck nodes to stuck nodes.
[[nodiscard]] StrongComponents strong_components(const WaitGraph& graph,
                                                 const std::vector<bool>& acts,
                                                 const std::vector<bool>& follow);

}  // namespace hangspy::graph
