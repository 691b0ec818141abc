// An asyncio future ends when any of its completers does; a gather when all its children have. One
// without a known completer is open: somebody holds it and will set it.
#include <algorithm>

#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;
using graph::Relation;

NodeIndex completer_node(Building& building, const snapshot::Completion& completion) {
  if (completion.kind == snapshot::CompleterKind::kConcurrentFuture) {
    return building.node(NodeKind::kConcurrentFuture, completion.completer);
  }
  return building.future_node(completion.completer);
}

// Handles that will complete the future: a sleep's timer, a socket's reader.
void add_handles(Building& building, const snapshot::Future& future, NodeIndex index,
                 std::uint32_t group) {
  for (const auto& loop : building.snapshot.loops) {
    for (const auto& handle : loop.handles) {
      if (std::count(handle.completes.begin(), handle.completes.end(), future.object) == 0)
        continue;
      building.graph.need(index, building.node(NodeKind::kHandle, handle.object),
                          Relation::kCompletedBy, {"handle"}, graph::Grade::kSeen, group);
    }
  }
}

}  // namespace

void add_future_waits(Building& building) {
  std::unordered_map<std::uint64_t, std::vector<const snapshot::Completion*>> completions;
  for (const auto& each : building.snapshot.completions) {
    if (!each.future_is_concurrent) completions[each.future.value].push_back(&each);
  }
  for (const auto& future : building.snapshot.futures) {
    const auto index = building.node(NodeKind::kFuture, future.object);
    if (future.state != snapshot::FutureState::kPending) {
      building.acts(index, Acts::kAlone, "it is done");
      continue;
    }
    // A gather needs each of its children: a group for each, and no other.
    const auto any = future.gathers ? 0 : building.graph.new_group(index);
    for (const auto* each : completions[future.object.value]) {
      const auto group = future.gathers ? building.graph.new_group(index) : any;
      building.graph.need(index, completer_node(building, *each), Relation::kCompletedBy,
                          {each->evidence}, graph::Grade::kSeen, group);
    }
    if (!future.gathers) add_handles(building, future, index, any);
    if (building.graph.edges_of(index).empty()) {
      building.acts(index, Acts::kOpen, "anyone who holds it may set it");
    }
  }
}

}  // namespace hangspy::sync
