// The graph as it is built: nodes by identity, so that two facts about one object meet in one
// node, and edges in the order in which they were added, so that the same facts always give the
// same graph. Nothing is ever removed.
#include "hangspy/wait_graph.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <limits>
#include <string_view>
#include <utility>

namespace hangspy::graph {
namespace {

constexpr NodeIndex kNoNode = std::numeric_limits<NodeIndex>::max();
constexpr std::size_t kFewPlaces = 64;

// Objects lie at multiples of 16, which leaves room for the kind, and many at an equal distance:
// the product mixes the bits into the upper ones (Knuth, The Art of Computer Programming, 6.4).
std::size_t hash(NodeId id) {
  constexpr std::uint64_t kGoldenRatio = 0x9e3779b97f4a7c15;
  const std::uint64_t key = id.object.value + static_cast<std::uint64_t>(id.kind);
  return (key * kGoldenRatio) >> 32;
}

}  // namespace

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
  if (places_.size() < 2 * (nodes_.size() + 1)) make_places(2 * (nodes_.size() + 1));
  NodeIndex& place = places_[place_of(id)];
  if (place == kNoNode) {
    place = static_cast<NodeIndex>(nodes_.size());
    nodes_.push_back(Node{.id = id, .deadline_seconds = std::nullopt, .why = {}});
    out_.emplace_back();
  }
  return place;
}

std::optional<NodeIndex> WaitGraph::find(NodeId id) const {
  if (places_.empty()) return std::nullopt;
  const NodeIndex found = places_[place_of(id)];
  return found == kNoNode ? std::nullopt : std::optional(found);
}

// Where it is, or would be.
std::size_t WaitGraph::place_of(NodeId id) const {
  const std::size_t mask = places_.size() - 1;
  std::size_t place = hash(id) & mask;
  while (places_[place] != kNoNode && nodes_[places_[place]].id != id) place = (place + 1) & mask;
  return place;
}

void WaitGraph::make_places(std::size_t nodes) {
  places_.assign(std::bit_ceil(std::max(2 * nodes, kFewPlaces)), kNoNode);
  for (NodeIndex i = 0; i < nodes_.size(); ++i) places_[place_of(nodes_[i].id)] = i;
}

void WaitGraph::reserve(std::size_t nodes, std::size_t edges) {
  nodes_.reserve(nodes);
  out_.reserve(nodes);
  if (places_.size() < 2 * nodes) make_places(nodes);
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
