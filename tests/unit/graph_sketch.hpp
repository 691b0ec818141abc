// Graphs for tests, written as one reads them: nodes by number, "all of" and "any of" waits.
#pragma once

#include <cstdint>
#include <vector>

#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {

class Sketch {
 public:
  NodeIndex add(Acts acts = Acts::kWhenFreed) {
    const NodeIndex node =
        graph.node({NodeKind::kTask, Address{0x1000 + 16 * graph.nodes().size()}});
    graph.at(node).acts = acts;
    return node;
  }
  std::vector<NodeIndex> add_many(int count) {
    std::vector<NodeIndex> nodes;
    for (int i = 0; i < count; ++i) nodes.push_back(add());
    return nodes;
  }

  EdgeIndex needs(NodeIndex from, NodeIndex to) {
    return graph.need(from, to, Relation::kWaitsFor, {});
  }
  void needs_any(NodeIndex from, const std::vector<NodeIndex>& ends) {
    const std::uint32_t group = graph.new_group(from);
    for (const NodeIndex end : ends) {
      graph.need(from, end, Relation::kWaitsFor, {}, Grade::kSeen, group);
    }
  }

  WaitGraph graph;
};

}  // namespace hangspy::graph
