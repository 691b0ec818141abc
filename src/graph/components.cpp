// The causes: the smallest parts of what is stuck that explain themselves. A component of waits is
// one when it is closed. Those found are let act in thought; what is then still stuck has causes
// of its own, which the first had hidden (a task may be in a cycle and need an orphan as well).
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "graph/groups.hpp"
#include "graph/reduction.hpp"
#include "graph/strong_components.hpp"

namespace hangspy::graph {
namespace {

// Layers nest only as deep as somebody writes gathers of gathers that all hang on their own. The
// bound is for hostile graphs; past it a cause is left among what is stuck behind the others.
constexpr int kMaxLayers = 64;

// What the edges of one strongly connected component say of it.
struct Shape {
  bool is_cycle = false;
  bool is_left = false;      // an edge ends in something stuck outside
  bool needs_clock = false;  // an edge ends in a timer that only the clock holds

  // A lone node that waits for a timer sleeps; a cycle with a timeout is one nevertheless.
  [[nodiscard]] bool is_cause() const { return !is_left && (is_cycle || !needs_clock); }
};

class Layer {
 public:
  Layer(const WaitGraph& graph, const Reduction& reduction)
      : graph_(graph), reduction_(reduction), holds_(holding_edges(graph, reduction.acts())) {
    components_ = strong_components(graph, reduction.acts(), edges_but_to_the_clock());
    shapes_.resize(components_.count);
    for (EdgeIndex edge = 0; edge < holds_.size(); ++edge) {
      if (holds_[edge]) look_at(graph.edge(edge));
    }
  }

  // The causes, in the order of their smallest node.
  [[nodiscard]] std::vector<Component> causes() const {
    std::vector<Component> found;
    std::vector<std::size_t> place(components_.count, kNowhere);
    for (NodeIndex node = 0; node < components_.of.size(); ++node) {
      const std::uint32_t component = components_.of[node];
      if (component == kNoComponent || !shapes_[component].is_cause()) continue;
      if (place[component] == kNowhere) {
        place[component] = found.size();
        found.push_back({.nodes = {}, .is_cycle = shapes_[component].is_cycle, .waits = {}});
      }
      found[place[component]].nodes.push_back(node);
    }
    for (EdgeIndex edge = 0; edge < holds_.size(); ++edge) {
      if (!holds_[edge] || !is_inside(graph_.edge(edge))) continue;
      const std::size_t at = place[components_.of[graph_.edge(edge).from]];
      if (at != kNowhere) found[at].waits.push_back(edge);
    }
    return found;
  }

 private:
  static constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

  [[nodiscard]] std::vector<bool> edges_but_to_the_clock() const {
    std::vector<bool> follow = holds_;
    for (EdgeIndex edge = 0; edge < follow.size(); ++edge) {
      if (reduction_.waits_for_clock(graph_.edge(edge).to)) follow[edge] = false;
    }
    return follow;
  }

  [[nodiscard]] bool is_inside(const Edge& edge) const {
    return components_.of[edge.from] == components_.of[edge.to];
  }

  void look_at(const Edge& edge) {
    Shape& shape = shapes_[components_.of[edge.from]];
    if (is_inside(edge)) {
      shape.is_cycle = true;
    } else if (reduction_.waits_for_clock(edge.to)) {
      shape.needs_clock = true;
    } else {
      shape.is_left = true;
    }
  }

  const WaitGraph& graph_;
  const Reduction& reduction_;
  std::vector<bool> holds_;  // by edge
  StrongComponents components_;
  std::vector<Shape> shapes_;  // by component
};

// The reduction that ended in `acts`, ready to go on. Whether timers fired in it shows: if they
// did, none is left that only the clock holds.
Reduction reduction_that_gave(const WaitGraph& graph, const std::vector<bool>& acts) {
  Reduction reduction(graph, false);
  const auto nodes = static_cast<NodeIndex>(graph.nodes().size());
  for (NodeIndex node = 0; node < nodes; ++node) {
    if (acts[node]) reduction.let_act(node);
  }
  reduction.run();
  bool clock_holds = false;
  for (NodeIndex node = 0; node < nodes; ++node) {
    clock_holds = clock_holds || reduction.waits_for_clock(node);
  }
  if (!clock_holds) reduction.let_timers_fire();
  return reduction;
}

// Keeps the new causes of a layer and lets them act. A timer stays as it is: to let it act would
// free the cycle whose deadline it is. False when there was nothing new.
bool take_layer(std::vector<Component> layer, Reduction& reduction, std::vector<bool>& is_known,
                std::vector<Component>& found) {
  bool is_new = false;
  for (Component& cause : layer) {
    const NodeIndex first = cause.nodes.front();
    if (is_known[first]) continue;
    is_new = is_known[first] = true;
    if (cause.is_cycle || !reduction.waits_for_clock(first)) {
      for (const NodeIndex node : cause.nodes) reduction.let_act(node);
    }
    found.push_back(std::move(cause));
  }
  return is_new;
}

}  // namespace

std::vector<Component> causes(const WaitGraph& graph, const std::vector<bool>& acts) {
  Reduction reduction = reduction_that_gave(graph, acts);
  std::vector<Component> found;
  std::vector<bool> is_known(graph.nodes().size());
  for (int layer = 0; layer < kMaxLayers; ++layer) {
    std::vector<Component> causes = Layer(graph, reduction).causes();
    if (!take_layer(std::move(causes), reduction, is_known, found)) break;
    reduction.run();
  }
  std::sort(found.begin(), found.end(), [](const Component& left, const Component& right) {
    return left.nodes.front() < right.nodes.front();
  });
  return found;
}

std::vector<NodeIndex> stuck_behind(const WaitGraph& graph, const Component& component,
                                    const std::vector<bool>& acts) {
  const std::vector<bool> holds = holding_edges(graph, acts);
  const auto nodes = static_cast<NodeIndex>(graph.nodes().size());
  std::vector<std::vector<NodeIndex>> waiters(nodes);
  for (EdgeIndex edge = 0; edge < holds.size(); ++edge) {
    if (holds[edge]) waiters[graph.edge(edge).to].push_back(graph.edge(edge).from);
  }
  std::vector<bool> seen(nodes);
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
