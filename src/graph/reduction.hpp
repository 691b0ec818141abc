// A reduction that can go on: whoever is let act frees, step by step, what waits for it. The
// verdict needs one run; the search for causes lets each cause act and looks what is still stuck.
// Over all runs together every edge is looked at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "graph/groups.hpp"
#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {

class Reduction {
 public:
  // `timers_fire`: nodes that act at a deadline act as soon as their groups allow it.
  Reduction(const WaitGraph& graph, bool timers_fire);

  void let_act(NodeIndex node);
  void let_timers_fire() { timers_fire_ = true; }
  void run();
  [[nodiscard]] const std::vector<bool>& acts() const { return acts_; }
  // Every group of `node` has an end that acts.
  [[nodiscard]] bool is_allowed(NodeIndex node) const { return unsatisfied_[node] == 0; }
  // A stuck timer that nothing but the clock holds.
  [[nodiscard]] bool waits_for_clock(NodeIndex node) const {
    return !acts_[node] && graph_.at(node).acts == Acts::kAtDeadline && is_allowed(node);
  }

 private:
  void satisfy_group_of(const Edge& edge);
  [[nodiscard]] bool is_freed(NodeIndex node) const;

  const WaitGraph& graph_;
  bool timers_fire_;
  GroupSlots slots_;
  std::vector<bool> satisfied_;             // by group slot
  std::vector<std::uint32_t> unsatisfied_;  // by node: how many of its groups
  std::vector<std::size_t> first_in_;       // by node: where its edges start in in_edges_
  std::vector<EdgeIndex> in_edges_;         // all edges, by the node where they end
  std::vector<bool> acts_;
  std::vector<NodeIndex> news_;  // they act, and their waiters have not heard of it
};

}  // namespace hangspy::graph
