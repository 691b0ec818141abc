// Graph reduction (Holt, "Some deadlock properties of computer systems", 1972). It asks who can
// ever act again, and never looks for a back edge: with "any one of these" waits a cycle alone
// proves nothing, since one way out of it is enough.
//
// Who acts is put on a list; each taken from it satisfies the groups of those who wait for it, and
// whoever has no group left to satisfy comes on the list. Every edge is looked at once.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "graph/groups.hpp"
#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {
namespace {

class Reduction {
 public:
  Reduction(const WaitGraph& graph, const Assume& assume)
      : graph_(graph),
        assume_(assume),
        slots_(graph),
        satisfied_(slots_.count()),
        first_in_(graph.nodes().size() + 1),
        in_edges_(graph.edges().size()),
        acts_(graph.nodes().size()) {
    const auto nodes = static_cast<NodeIndex>(graph.nodes().size());
    unsatisfied_.reserve(nodes);
    for (NodeIndex node = 0; node < nodes; ++node) {
      unsatisfied_.push_back(graph.group_count(node));
    }
    sort_edges_by_end();
  }

  [[nodiscard]] std::vector<bool> run() && {
    for (NodeIndex node = 0; node < acts_.size(); ++node) let_act_if_it_can(node);
    while (!news_.empty()) {
      const NodeIndex node = news_.back();
      news_.pop_back();
      for (std::size_t at = first_in_[node]; at < first_in_[node + 1]; ++at) {
        satisfy_group_of(graph_.edge(in_edges_[at]));
      }
    }
    return std::move(acts_);
  }

 private:
  // A counting sort: afterwards first_in_[n] .. first_in_[n + 1] are the edges that end in n.
  void sort_edges_by_end() {
    for (const Edge& edge : graph_.edges()) ++first_in_[edge.to];
    std::size_t before = 0;
    for (std::size_t& first : first_in_) first = (before += first);
    for (auto edge = static_cast<EdgeIndex>(in_edges_.size()); edge > 0; --edge) {
      in_edges_[--first_in_[graph_.edge(edge - 1).to]] = edge - 1;
    }
  }

  void satisfy_group_of(const Edge& edge) {
    const std::size_t slot = slots_.of(edge);
    if (satisfied_[slot]) return;
    satisfied_[slot] = true;
    --unsatisfied_[edge.from];
    let_act_if_it_can(edge.from);
  }

  void let_act_if_it_can(NodeIndex node) {
    if (acts_[node] || !can_act(node)) return;
    acts_[node] = true;
    news_.push_back(node);
  }

  [[nodiscard]] bool can_act(NodeIndex node) const {
    const bool is_allowed = unsatisfied_[node] == 0;
    switch (graph_.at(node).acts) {
      case Acts::kAlone:
      case Acts::kOpen:
        return true;
      case Acts::kUnreadable:
        return assume_.unreadable_acts;
      case Acts::kAtDeadline:
        return assume_.timers_fire && is_allowed;
      case Acts::kWhenFreed:
        return is_allowed && graph_.group_count(node) > 0;
    }
    return false;
  }

  const WaitGraph& graph_;
  const Assume& assume_;
  GroupSlots slots_;
  std::vector<bool> satisfied_;             // by slot
  std::vector<std::uint32_t> unsatisfied_;  // by node: how many of its groups
  std::vector<std::size_t> first_in_;       // by node: where its part of in_edges_ starts
  std::vector<EdgeIndex> in_edges_;
  std::vector<bool> acts_;
  std::vector<NodeIndex> news_;  // they act, and their waiters have not heard of it
};

}  // namespace

std::vector<bool> reduce(const WaitGraph& graph, const Assume& assume) {
  return Reduction(graph, assume).run();
}

}  // namespace hangspy::graph
