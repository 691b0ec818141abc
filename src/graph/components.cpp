// The causes: the parts of what is stuck that explain themselves. Every strongly connected
// component of waits is a candidate. A group with an end outside its component explains nothing
// there, so it is put aside, the components are made again of what is left, and so on until every
// group that counts ends where it begins. (For "any of" waits these are the maximal end components
// of de Alfaro's thesis, 1997; with one group a node they are the closed components.)
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "graph/groups.hpp"
#include "graph/strong_components.hpp"

namespace hangspy::graph {
namespace {

// A pass can only be needed where the one before split a component. Real waits take two or three;
// the bound is for hostile graphs, and past it a component that might still split is left out.
constexpr int kMaxPasses = 64;

class Search {
 public:
  Search(const WaitGraph& graph, const std::vector<bool>& acts)
      : graph_(graph), acts_(acts), slots_(graph), counts_(holding_groups(graph, slots_, acts)) {
    find_lone_causes();
  }

  [[nodiscard]] std::vector<Component> run() && {
    bool is_settled = false;
    for (int pass = 0; !is_settled && pass < kMaxPasses; ++pass) {
      components_ = strong_components(graph_, acts_, slots_, counts_);
      is_settled = put_groups_aside();
    }
    return collect();
  }

 private:
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

  // A node is stuck by itself when nobody can release it, or when nothing that is stuck holds it
  // (it is unreadable, or a timer that may not fire).
  void find_lone_causes() {
    is_lone_.resize(acts_.size());
    std::vector<bool> is_empty(slots_.count(), true);
    for (const Edge& edge : graph_.edges()) is_empty[slots_.of(edge)] = false;
    for (NodeIndex node = 0; node < acts_.size(); ++node) {
      bool is_held = false;
      for (std::size_t slot = slots_.begin(node); slot < slots_.end(node); ++slot) {
        is_held = is_held || counts_[slot];
        if (counts_[slot] && is_empty[slot]) is_lone_[node] = true;
      }
      if (acts_[node] || is_held) continue;
      is_lone_[node] = true;
      if (graph_.at(node).acts == Acts::kAtDeadline) clock_stands_ = true;
    }
  }

  // Where the clock stands still, a timer is no way out of a component.
  [[nodiscard]] bool is_way_out(const Edge& edge) const {
    if (components_.is_inside(edge)) return false;
    return !clock_stands_ || graph_.at(edge.to).acts != Acts::kAtDeadline;
  }

  // True when there was none to put aside.
  bool put_groups_aside() {
    is_closed_.assign(components_.count, true);
    for (const Edge& edge : graph_.edges()) {
      if (acts_[edge.from] || !counts_[slots_.of(edge)] || !is_way_out(edge)) continue;
      is_closed_[components_.of[edge.from]] = false;
      aside_.push_back(slots_.of(edge));
    }
    const bool is_settled = aside_.empty();
    for (const std::size_t slot : aside_) counts_[slot] = false;
    aside_.clear();
    return is_settled;
  }

  // In the order of their smallest node, for nodes are taken in order.
  [[nodiscard]] std::vector<Component> collect() const {
    const std::vector<bool> is_cycle = closed_cycles();
    std::vector<Component> found;
    std::vector<std::size_t> place(components_.count, kNowhere);
    for (NodeIndex node = 0; node < acts_.size(); ++node) {
      if (acts_[node]) continue;
      const std::uint32_t component = components_.of[node];
      if (is_cycle[component] && place[component] != kNowhere) {
        found[place[component]].nodes.push_back(node);
      } else if (is_cycle[component] || is_lone_[node]) {
        place[component] = found.size();
        found.push_back({.nodes = {node}, .is_cycle = is_cycle[component], .waits = {}});
      }
    }
    for (EdgeIndex edge = 0; edge < graph_.edges().size(); ++edge) {
      if (!is_wait_inside(graph_.edge(edge))) continue;
      const std::uint32_t component = components_.of[graph_.edge(edge).from];
      if (is_cycle[component]) found[place[component]].waits.push_back(edge);
    }
    return found;
  }

  // By component.
  [[nodiscard]] std::vector<bool> closed_cycles() const {
    std::vector<bool> is_cycle(components_.count);
    for (const Edge& edge : graph_.edges()) {
      if (!is_wait_inside(edge)) continue;
      const std::uint32_t component = components_.of[edge.from];
      is_cycle[component] = is_closed_[component];
    }
    return is_cycle;
  }

  [[nodiscard]] bool is_wait_inside(const Edge& edge) const {
    return counts_[slots_.of(edge)] && components_.is_inside(edge);
  }

  const WaitGraph& graph_;
  const std::vector<bool>& acts_;
  GroupSlots slots_;
  std::vector<bool> counts_;     // by slot: holds its node, and was not put aside
  std::vector<bool> is_lone_;    // by node
  bool clock_stands_ = false;    // the timers did not fire in the reduction
  StrongComponents components_;  // of the last pass
  std::vector<bool> is_closed_;  // by component, in the last pass
  std::vector<std::size_t> aside_;
};

}  // namespace

std::vector<Component> causes(const WaitGraph& graph, const std::vector<bool>& acts) {
  if (std::find(acts.begin(), acts.end(), false) == acts.end()) return {};
  return Search(graph, acts).run();
}

std::vector<NodeIndex> stuck_behind(const WaitGraph& graph, const Component& component,
                                    const std::vector<bool>& acts) {
  const GroupSlots slots(graph);
  const std::vector<bool> holds = holding_groups(graph, slots, acts);
  std::vector<std::vector<NodeIndex>> waiters(acts.size());
  for (const Edge& edge : graph.edges()) {
    if (holds[slots.of(edge)]) waiters[edge.to].push_back(edge.from);
  }
  std::vector<bool> seen(acts.size());
  for (const NodeIndex node : component.nodes) seen[node] = true;
  std::vector<NodeIndex> todo = component.nodes;
  std::vector<NodeIndex> behind;
  while (!todo.empty()) {
    const NodeIndex node = todo.back();
    todo.pop_back();
    for (const NodeIndex waiter : waiters[node]) {
      if (seen[waiter]) continue;
      seen[waiter] = true;
      behind.push_back(waiter);
      todo.push_back(waiter);
    }
  }
  std::sort(behind.begin(), behind.end());
  return behind;
}

}  // namespace hangspy::graph
