// Tarjan's depth-first search with its call stack as a vector of (node, next edge to look at).
#include "graph/strong_components.hpp"

#include <algorithm>
#include <utility>

namespace hangspy::graph {
namespace {

constexpr std::uint32_t kUnseen = std::numeric_limits<std::uint32_t>::max();

class Tarjan {
 public:
  Tarjan(const WaitGraph& graph, const GroupSlots& slots, const std::vector<bool>& counts)
      : graph_(graph),
        slots_(slots),
        counts_(counts),
        order_(graph.nodes().size(), kUnseen),
        low_(graph.nodes().size()) {
    found_.of.assign(graph.nodes().size(), kNoComponent);
  }

  void search_from(NodeIndex start) {
    if (order_[start] != kUnseen) return;
    enter(start);
    while (!path_.empty()) {
      Step& step = path_.back();
      if (step.next != step.end) {
        look_along(graph_.edge(*step.next++));
      } else {
        leave(step.node);
      }
    }
  }

  [[nodiscard]] StrongComponents take() { return std::move(found_); }

 private:
  struct Step {
    NodeIndex node = 0;
    EdgesOf::Iterator next, end;
  };

  void enter(NodeIndex node) {
    order_[node] = low_[node] = seen_++;
    open_.push_back(node);
    const auto edges = graph_.edges_of(node);
    path_.push_back({node, edges.begin(), edges.end()});
  }

  // `enter` may move path_, so no reference into it lives across this.
  void look_along(const Edge& edge) {
    if (!counts_[slots_.of(edge)]) return;
    if (order_[edge.to] == kUnseen) {
      enter(edge.to);
    } else if (found_.of[edge.to] == kNoComponent) {
      low_[edge.from] = std::min(low_[edge.from], order_[edge.to]);
    }
  }

  void leave(NodeIndex node) {
    path_.pop_back();
    if (!path_.empty()) {
      std::uint32_t& low = low_[path_.back().node];
      low = std::min(low, low_[node]);
    }
    if (low_[node] == order_[node]) close(node);
  }

  // What was opened since `root` is its component.
  void close(NodeIndex root) {
    NodeIndex node = root;
    do {
      node = open_.back();
      open_.pop_back();
      found_.of[node] = found_.count;
    } while (node != root);
    ++found_.count;
  }

  const WaitGraph& graph_;
  const GroupSlots& slots_;
  const std::vector<bool>& counts_;
  std::vector<std::uint32_t> order_;  // in which nodes were entered
  std::vector<std::uint32_t> low_;    // the earliest open node that was seen to be reachable
  std::vector<NodeIndex> open_;       // entered, and their component not closed
  std::vector<Step> path_;
  std::uint32_t seen_ = 0;
  StrongComponents found_;
};

}  // namespace

StrongComponents strong_components(const WaitGraph& graph, const std::vector<bool>& acts,
                                   const GroupSlots& slots, const std::vector<bool>& counts) {
  Tarjan tarjan(graph, slots, counts);
  for (NodeIndex node = 0; node < acts.size(); ++node) {
    if (!acts[node]) tarjan.search_from(node);
  }
  return tarjan.take();
}

}  // namespace hangspy::graph
