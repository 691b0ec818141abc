// Graph reduction (Holt, "Some deadlock properties of computer systems", 1972). It asks who can
// ever act again, and never looks for a back edge: with "any one of these" waits a cycle alone
// proves nothing, since one way out of it is enough.
#include "graph/reduction.hpp"

namespace hangspy::graph {
namespace {

bool acts_by_itself(const Node& node, const Assume& assume) {
  switch (node.acts) {
    case Acts::kAlone:
    case Acts::kOpen:
      return true;
    case Acts::kUnreadable:
      return assume.unreadable_acts;
    case Acts::kAtDeadline:
    case Acts::kWhenFreed:
      return false;
  }
  return false;
}

}  // namespace

Reduction::Reduction(const WaitGraph& graph, bool timers_fire)
    : graph_(graph),
      timers_fire_(timers_fire),
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
  // A counting sort: afterwards first_in_[n] .. first_in_[n + 1] are the edges that end in n.
  for (const Edge& edge : graph.edges()) ++first_in_[edge.to];
  std::size_t before = 0;
  for (std::size_t& first : first_in_) first = (before += first);
  for (auto edge = static_cast<EdgeIndex>(graph.edges().size()); edge > 0; --edge) {
    in_edges_[--first_in_[graph.edge(edge - 1).to]] = edge - 1;
  }
}

void Reduction::let_act(NodeIndex node) {
  if (acts_[node]) return;
  acts_[node] = true;
  news_.push_back(node);
}

void Reduction::run() {
  const auto nodes = static_cast<NodeIndex>(graph_.nodes().size());
  for (NodeIndex node = 0; node < nodes; ++node) {
    if (is_freed(node)) let_act(node);  // a timer that needs nothing but the clock
  }
  while (!news_.empty()) {
    const NodeIndex node = news_.back();
    news_.pop_back();
    for (std::size_t at = first_in_[node]; at < first_in_[node + 1]; ++at) {
      satisfy_group_of(graph_.edge(in_edges_[at]));
    }
  }
}

void Reduction::satisfy_group_of(const Edge& edge) {
  const std::size_t slot = slots_.of(edge);
  if (satisfied_[slot]) return;
  satisfied_[slot] = true;
  --unsatisfied_[edge.from];
  if (is_freed(edge.from)) let_act(edge.from);
}

bool Reduction::is_freed(NodeIndex node) const {
  if (!is_allowed(node)) return false;
  switch (graph_.at(node).acts) {
    case Acts::kWhenFreed:
      return graph_.group_count(node) > 0;
    case Acts::kAtDeadline:
      return timers_fire_;
    case Acts::kAlone:
    case Acts::kOpen:
    case Acts::kUnreadable:
      return false;  // whatever it needs, that does not decide
  }
  return false;
}

std::vector<bool> reduce(const WaitGraph& graph, const Assume& assume) {
  Reduction reduction(graph, assume.timers_fire);
  const auto nodes = static_cast<NodeIndex>(graph.nodes().size());
  for (NodeIndex node = 0; node < nodes; ++node) {
    if (acts_by_itself(graph.at(node), assume)) reduction.let_act(node);
  }
  reduction.run();
  return reduction.acts();
}

}  // namespace hangspy::graph
