// Every group of every node has one slot in a flat array, so that what is known about groups
// (which are satisfied, which hold their node) costs a bit each and no look-up.
#pragma once

#include <cstddef>
#include <vector>

#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {

class GroupSlots {
 public:
  explicit GroupSlots(const WaitGraph& graph);

  [[nodiscard]] std::size_t count() const { return first_.back(); }
  [[nodiscard]] std::size_t of(const Edge& edge) const { return first_[edge.from] + edge.group; }
  // The slots of a node's groups are begin(node) .. end(node).
  [[nodiscard]] std::size_t begin(NodeIndex node) const { return first_[node]; }
  [[nodiscard]] std::size_t end(NodeIndex node) const { return first_[node + 1]; }

 private:
  std::vector<std::size_t> first_;  // by node, and one more
};

// By slot: whether the group holds a stuck node, that is, has no end that acts. The edges of the
// other groups are no reason for anything.
[[nodiscard]] std::vector<bool> holding_groups(const WaitGraph& graph, const GroupSlots& slots,
                                               const std::vector<bool>& acts);

}  // namespace hangspy::graph
