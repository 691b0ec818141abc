// A queued item runs when any worker of its pool gets free. An idle one is free; a busy one must
// first be able to act.
#include "sync/waits.hpp"

namespace hangspy::sync {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;
using graph::Relation;

void add_work_items(Building& building, const snapshot::Executor& executor) {
  for (const auto& item : executor.items) {
    const auto index = building.node(NodeKind::kWorkItem, item.object);
    if (item.runs_on) {
      building.graph.at(index).demanded = true;
      building.graph.need(index, building.thread_node(item.runs_on), Relation::kRunsOn,
                          {"running item"});
      const auto* thread = building.threads.find(item.runs_on);
      if (thread != nullptr) building.need_loop_run(index, *thread, item.frame);
    } else {
      building.graph.need(index, building.node(NodeKind::kExecutor, executor.object),
                          Relation::kQueuedBehind, {"queue"});
    }
  }
}

// A worker that runs a loop inside its item takes the next one only when that item ends, though the
// loop turns: then the pool needs the item.
NodeIndex server_of(Building& building, const snapshot::Executor& executor, Address worker) {
  const auto* thread = building.threads.find(worker);
  const bool has_loop = thread != nullptr && thread->runs_until && thread->runs_until_frame;
  for (const auto& item : executor.items) {
    if (has_loop && item.runs_on == worker && *thread->runs_until_frame < item.frame) {
      return building.node(NodeKind::kWorkItem, item.object);
    }
  }
  return building.thread_node(worker);
}

void add_thread_pool_waits(Building& building) {
  for (const auto& executor : building.snapshot.executors) {
    if (executor.kind != snapshot::ExecutorKind::kThreadPool) continue;
    const auto index = building.node(NodeKind::kExecutor, executor.object);
    if (executor.moves) building.acts(index, Acts::kAlone, "a worker of it ran just then");
    if (!executor.complete) building.acts(index, Acts::kOpen, "it may start another thread");
    const auto group = building.graph.new_group(index);
    const char* evidence = executor.workers.size() == 1 ? "one worker" : "all workers";
    for (const auto worker : executor.workers) {
      building.graph.need(index, server_of(building, executor, worker), Relation::kServedBy,
                          {evidence}, graph::Grade::kSeen, group);
    }
    add_work_items(building, executor);
  }
}

}  // namespace hangspy::sync
