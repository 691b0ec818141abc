// A task needs what it awaits and, for its next step, its loop. A handle that holds the task may
// end the wait instead, by cancelling it: an asyncio.timeout around it, or any other.
#include <algorithm>

#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;
using graph::Relation;

void add_timeouts(Building& building, const snapshot::Task& task, NodeIndex index,
                  std::uint32_t group) {
  const auto loop = building.loops.find(task.loop.value);
  if (loop == building.loops.end()) return;
  for (const auto& handle : loop->second->handles) {
    const bool names_it =
        std::count(handle.completes.begin(), handle.completes.end(), task.object) != 0;
    if (handle.times_out_task != task.object && !names_it) continue;
    building.graph.need(index, building.node(NodeKind::kHandle, handle.object),
                        Relation::kCompletedBy, {"timeout"}, graph::Grade::kSeen, group);
  }
}

void add_task(Building& building, const snapshot::Task& task) {
  const auto index = building.node(NodeKind::kTask, task.object);
  if (task.state != snapshot::FutureState::kPending) {
    return building.acts(index, Acts::kAlone, "it is done");
  }
  building.graph.at(index).demanded = task.is_request;
  const auto loop = building.loops.find(task.loop.value);
  const bool has_thread = loop != building.loops.end() && loop->second->thread;
  if (task.running && has_thread) {
    building.graph.need(index, building.thread_node(loop->second->thread), Relation::kRunsOn,
                        {"current task"});
    return;
  }
  if (task.waits_for) {
    const auto group = building.graph.new_group(index);
    building.graph.need(index, building.future_node(task.waits_for), Relation::kWaitsFor,
                        {"fut_waiter"}, graph::Grade::kSeen, group);
    add_timeouts(building, task, index, group);
  }
  building.graph.need(index, building.node(NodeKind::kEventLoop, task.loop), Relation::kRunsOn,
                      {"task's loop"});
}

}  // namespace

void add_task_waits(Building& building) {
  for (const auto& task : building.snapshot.tasks) add_task(building, task);
}

}  // namespace hangspy::sync
