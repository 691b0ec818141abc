// What the graph's answers mean, by brute force: no worklist, no order, only "which of all subsets
// of the nodes are like this?" So a mistake in the one is not in the other. A set is a mask of at
// most 8 bits.
#pragma once

#include <array>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "graph_sketch.hpp"
#include "hangspy/wait_graph.hpp"

namespace hangspy::graph::oracle {

constexpr unsigned kMaxNodes = 8;
using Mask = std::uint32_t;
using Matrix = std::array<Mask, kMaxNodes>;  // row by row: who is reached from here

constexpr Mask bit(NodeIndex node) {
  return Mask{1} << node;
}
constexpr bool is_subset(Mask inner, Mask outer) {
  return (inner & ~outer) == 0;
}

// A graph as plain masks, made before the graph under test and without asking it anything.
struct Plain {
  std::vector<Acts> acts;
  std::vector<std::vector<Mask>> groups;  // by node: the ends of each group

  [[nodiscard]] Mask all() const { return bit(static_cast<NodeIndex>(acts.size())) - 1; }
};

inline Sketch to_sketch(const Plain& plain) {
  Sketch sketch;
  for (const Acts acts : plain.acts) sketch.add(acts);
  for (NodeIndex from = 0; from < plain.acts.size(); ++from) {
    for (const Mask group : plain.groups[from]) {
      std::vector<NodeIndex> ends;
      for (NodeIndex to = 0; to < plain.acts.size(); ++to) {
        if (group & bit(to)) ends.push_back(to);
      }
      sketch.needs_any(from, ends);
    }
  }
  return sketch;
}

inline bool has_group_within(const Plain& plain, NodeIndex node, Mask set) {
  for (const Mask group : plain.groups[node]) {
    if (is_subset(group, set)) return true;
  }
  return false;
}

// Can `node` stay stuck when exactly the nodes of `set` do?
inline bool can_stay_stuck(const Plain& plain, NodeIndex node, Mask set, const Assume& assume) {
  switch (plain.acts[node]) {
    case Acts::kAlone:
    case Acts::kOpen:
      return false;
    case Acts::kUnreadable:
      return !assume.unreadable_acts;
    case Acts::kAtDeadline:
      return !assume.timers_fire || has_group_within(plain, node, set);
    case Acts::kWhenFreed:
      return plain.groups[node].empty() || has_group_within(plain, node, set);
  }
  return false;
}

// The union of all sets that can stay stuck for good.
inline Mask stuck_by_definition(const Plain& plain, const Assume& assume) {
  Mask stuck = 0;
  for (Mask set = plain.all(); set > 0; --set) {
    bool stays = !is_subset(set, stuck);
    for (NodeIndex node = 0; stays && node < plain.acts.size(); ++node) {
      stays = !(set & bit(node)) || can_stay_stuck(plain, node, set, assume);
    }
    if (stays) stuck |= set;
  }
  return stuck;
}

inline void close_transitively(Matrix& reach) {
  for (NodeIndex via = 0; via < kMaxNodes; ++via) {
    for (Mask& row : reach) {
      if (row & bit(via)) row |= reach[via];
    }
  }
}

// The waits inside `set`, of groups that end wholly in it or in `timers`.
inline Matrix waits_inside(const Plain& plain, Mask set, Mask timers) {
  Matrix waits{};
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    if (!(set & bit(node))) continue;
    for (const Mask group : plain.groups[node]) {
      if (is_subset(group, set | timers)) waits[node] |= group & set;
    }
  }
  return waits;
}

// Everyone in `set` reaches everyone in it, and itself.
inline bool is_cyclic(const Plain& plain, Mask set, Mask timers) {
  Matrix reach = waits_inside(plain, set, timers);
  close_transitively(reach);
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    if ((set & bit(node)) && reach[node] != set) return false;
  }
  return true;
}

struct Cause {
  Mask nodes = 0;
  bool is_cycle = false;
};

// Nothing else that is stuck holds it, or it has a group that no one can satisfy.
inline bool is_stuck_by_itself(const Plain& plain, NodeIndex node, Mask stuck) {
  return has_group_within(plain, node, 0) || !has_group_within(plain, node, stuck);
}

// The stuck timers, where the clock was held: where one of them lacks nothing else.
inline Mask held_timers(const Plain& plain, Mask stuck) {
  Mask timers = 0;
  bool is_clock_held = false;
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    if (!(stuck & bit(node)) || plain.acts[node] != Acts::kAtDeadline) continue;
    timers |= bit(node);
    is_clock_held = is_clock_held || !has_group_within(plain, node, stuck);
  }
  return is_clock_held ? timers : 0;
}

// The largest cyclic sets, and the single nodes outside them that are stuck by themselves.
inline std::vector<Cause> causes_by_definition(const Plain& plain, Mask stuck) {
  const Mask timers = held_timers(plain, stuck);
  std::vector<Cause> causes;
  Mask in_cycles = 0;
  for (Mask set = stuck; set > 0; set = (set - 1) & stuck) {  // a larger set is a larger number
    bool is_part = false;
    for (const Cause& cause : causes) is_part = is_part || is_subset(set, cause.nodes);
    if (is_part || !is_cyclic(plain, set, timers)) continue;
    causes.push_back({set, true});
    in_cycles |= set;
  }
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    if (!(stuck & ~in_cycles & bit(node))) continue;
    if (is_stuck_by_itself(plain, node, stuck)) causes.push_back({bit(node), false});
  }
  return causes;
}

inline Mask mask_of(const std::vector<NodeIndex>& nodes) {
  Mask mask = 0;
  for (const NodeIndex node : nodes) mask |= bit(node);
  return mask;
}

// The length of the shortest cycle through `start`, by powers of the matrix.
inline std::size_t shortest_length(const Matrix& waits, NodeIndex start) {
  Mask front = waits[start];
  for (std::size_t length = 1; length <= kMaxNodes; ++length) {
    if (front & bit(start)) return length;
    Mask next = 0;
    for (NodeIndex node = 0; node < kMaxNodes; ++node) {
      if (front & bit(node)) next |= waits[node];
    }
    front = next;
  }
  return 0;
}

inline Matrix matrix_of(const WaitGraph& graph, const std::vector<EdgeIndex>& edges) {
  Matrix waits{};
  for (const EdgeIndex edge : edges) waits[graph.edge(edge).from] |= bit(graph.edge(edge).to);
  return waits;
}

// Whether each cycle that is found through a node of the component is one, and a shortest.
inline bool cycles_are_shortest(const WaitGraph& graph, const Component& component) {
  const Matrix waits = matrix_of(graph, component.waits);
  for (const NodeIndex start : component.nodes) {
    const std::vector<EdgeIndex> cycle = shortest_cycle(graph, component, start);
    if (cycle.size() != shortest_length(waits, start)) return false;
    NodeIndex at = start;
    for (const EdgeIndex edge : cycle) {
      if (graph.edge(edge).from != at) return false;
      at = graph.edge(edge).to;
    }
    if (at != start) return false;
  }
  return true;
}

// Behind a component: whoever reaches it by groups in which nobody acts.
inline Mask behind_by_definition(const Plain& plain, Mask stuck, Mask component) {
  Matrix reach{};
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    if (!(stuck & bit(node))) continue;
    for (const Mask group : plain.groups[node]) {
      if (is_subset(group, stuck)) reach[node] |= group;
    }
  }
  close_transitively(reach);
  Mask behind = 0;
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    if ((reach[node] & component) && !(component & bit(node))) behind |= bit(node);
  }
  return behind;
}

inline std::string describe(const Plain& plain, const Assume& assume) {
  std::ostringstream text;
  text << "timers fire " << assume.timers_fire << ", unreadable acts " << assume.unreadable_acts
       << "\n";
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    text << node << " acts " << static_cast<int>(plain.acts[node]);
    for (const Mask group : plain.groups[node]) {
      text << " {";
      for (NodeIndex to = 0; to < plain.acts.size(); ++to) {
        if (group & bit(to)) text << " " << to;
      }
      text << " }";
    }
    text << "\n";
  }
  return text.str();
}

// What the graph says otherwise than its definitions; empty when all agrees.
inline std::string difference(const Plain& plain, const Assume& assume) {
  const Sketch sketch = to_sketch(plain);
  const std::vector<bool> acts = reduce(sketch.graph, assume);
  const Mask stuck = stuck_by_definition(plain, assume);
  for (NodeIndex node = 0; node < plain.acts.size(); ++node) {
    if (acts[node] == ((stuck & bit(node)) != 0)) return "node " + std::to_string(node);
  }
  const std::vector<Component> found = causes(sketch.graph, acts);
  const std::vector<Cause> expected = causes_by_definition(plain, stuck);
  if (found.size() != expected.size()) return "the number of causes";
  for (const Component& component : found) {
    const Mask nodes = mask_of(component.nodes);
    bool is_expected = false;
    for (const Cause& cause : expected) {
      is_expected = is_expected || (cause.nodes == nodes && cause.is_cycle == component.is_cycle);
    }
    const std::string name = "component of node " + std::to_string(component.nodes.front());
    if (!is_expected) return name;
    if (mask_of(stuck_behind(sketch.graph, component, acts)) !=
        behind_by_definition(plain, stuck, nodes)) {
      return "stuck behind the " + name;
    }
    if (!cycles_are_shortest(sketch.graph, component)) return "the cycles of the " + name;
  }
  return {};
}

}  // namespace hangspy::graph::oracle
