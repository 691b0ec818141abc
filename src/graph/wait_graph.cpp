// The graph as it is built: nodes by identity, so that two facts about one object meet in one
// node, and edges in the order in which they were added, so that the same facts always give the
// same graph. Nothing is ever removed.
#include "hangspy/wait_graph.hpp"

#include <cassert>
#include <string_view>
#include <utility>

namespace hangspy::graph {

std::string_view name_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::kThread:
      return "thread";
    case NodeKind::kTask:
      return "task";
    case NodeKind::kHandle:
      return "handle";
    case NodeKind::kWorkItem:
      return "work item";
    case NodeKind::kFuture:
      return "future";
    case NodeKind::kConcurrentFuture:
      return "concurrent future";
    case NodeKind::kLock:
      return "lock";
    case NodeKind::kCondition:
      return "condition";
    case NodeKind::kEvent:
      return "event";
    case NodeKind::kQueue:
      return "queue";
    case NodeKind::kExecutor:
      return "executor";
    case NodeKind::kEventLoop:
      return "event loop";
  }
  return "unknown";
}

std::string_view name_of(Relation relation) {
  switch (relation) {
    case Relation::kWaitsFor:
      return "waits_for";
    case Relation::kHeldBy:
      return "held_by";
    case Relation::kCompletedBy:
      return "completed_by";
    case Relation::kServedBy:
      return "served_by";
    case Relation::kQueuedBehind:
      return "queued_behind";
    case Relation::kRunsOn:
      return "runs_on";
  }
  return "unknown";
}

std::string_view name_of(Grade grade) {
  switch (grade) {
    case Grade::kSeen:
      return "seen";
    case Grade::kWitness:
      return "witness";
    case Grade::kMissing:
      return "missing";
  }
  return "unknown";
}

NodeIndex WaitGraph::node(NodeId id) {
  const auto [entry, is_new] = index_.try_emplace(id, static_cast<NodeIndex>(nodes_.size()));
  if (is_new) {
    nodes_.push_back(Node{.id = id, .deadline_seconds = std::nullopt, .why = {}});
    out_.emplace_back();
  }
  return entry->second;
}

std::optional<NodeIndex> WaitGraph::find(NodeId id) const {
  const auto entry = index_.find(id);
  if (entry == index_.end()) return std::nullopt;
  return entry->second;
}

void WaitGraph::reserve(std::size_t nodes, std::size_t edges) {
  nodes_.reserve(nodes);
  out_.reserve(nodes);
  index_.reserve(nodes);
  edges_.reserve(edges);
  next_.reserve(edges);
}

std::uint32_t WaitGraph::new_group(NodeIndex from) {
  return out_[from].groups++;
}

EdgeIndex WaitGraph::need(NodeIndex from, NodeIndex to, Relation relation, Evidence evidence,
                          Grade grade, std::optional<std::uint32_t> group) {
  assert(!group || *group < out_[from].groups);  // it came from new_group(from)
  assert(to < nodes_.size());
  const std::uint32_t in_group = group ? *group : new_group(from);
  const auto index = static_cast<EdgeIndex>(edges_.size());
  edges_.push_back(Edge{from, to, relation, grade, in_group, std::move(evidence)});
  next_.push_back(kNoEdge);
  auto& [first, last, groups] = out_[from];
  (first == kNoEdge ? first : next_[last]) = index;
  last = index;
  return index;
}

}  // namespace hangspy::graph
