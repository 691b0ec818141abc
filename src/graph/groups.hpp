// Every group of every node has one slot in a flat array, so that what is known about groups
// (which are satisfied) costs a bit each and no look-up.
#pragma once

#include <cstddef>
#include <vector>

#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {

class GroupSlots {
 public:
  explicit GroupSlots(const WaitGraph& graph);

  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t of(const Edge& edge) const { return first_[edge.from] + edge.group; }

 private:
  std::vector<std::size_t> first_;  // by node
  std::size_t count_ = 0;
};

// For each edge whether it holds a stuck node: it lies in a group of which no end acts. The other
// edges of a stuck node are no reason for anything.
[[nodiscard]] std::vector<bool> holding_edges(const WaitGraph& graph,
                                              const std::vector<bool>& acts);

}  // namespace hangspy::graph
