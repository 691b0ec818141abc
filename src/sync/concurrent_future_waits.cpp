// A concurrent future ends when its work item has run, when the task whose result it takes is
// done, or when a handle that is still to run has started that task.
#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;
using graph::Relation;

void add_work(Building& building, Address future, NodeIndex index, std::uint32_t group) {
  const auto found = building.items.find(future.value);
  if (found == building.items.end()) return;
  for (const auto* item : found->second) {
    building.graph.need(index, building.node(NodeKind::kWorkItem, item->object),
                        Relation::kCompletedBy, {item->queued_at ? "queue" : "running item"},
                        graph::Grade::kSeen, group);
  }
}

void add_completions(Building& building, Address future, NodeIndex index, std::uint32_t group) {
  for (const auto* each : building.completions_of(future)) {
    if (!each->future_is_concurrent) continue;
    building.graph.need(index, building.future_node(each->completer), Relation::kCompletedBy,
                        {each->evidence}, graph::Grade::kSeen, group);
  }
}

// Its completer may stand in the queue of a loop that cannot be looked into.
void leave_open(Building& building, NodeIndex index) {
  for (const auto& loop : building.snapshot.loops) {
    if (loop.readable) continue;
    return building.acts(index, Acts::kUnreadable,
                         "its completer may be in the queues of " + unread_queues_of(loop));
  }
  building.acts(index, Acts::kOpen, "who will complete it was not found");
}

}  // namespace

void add_concurrent_future_waits(Building& building) {
  for (const auto& future : building.snapshot.concurrent_futures) {
    const auto index = building.node(NodeKind::kConcurrentFuture, future.object);
    if (future.state != snapshot::FutureState::kPending) {
      building.acts(index, Acts::kAlone, "it is done");
      continue;
    }
    if (future.moves) {
      building.acts(index, Acts::kAlone, "it changed just then");
      continue;
    }
    const auto group = building.graph.new_group(index);
    add_work(building, future.object, index, group);
    add_completions(building, future.object, index, group);
    building.need_handles(index, future.object, group);
    if (building.graph.edges_of(index).empty()) leave_open(building, index);
  }
}

}  // namespace hangspy::sync
