// Of the executors of one thread only that of its innermost run_until_future is served, and at
// once. The others are served again when the thread gets back to them, so they need the thread.
#include "sync/waits.hpp"

namespace hangspy::sync {

void add_current_thread_executor_waits(Building& building) {
  for (const auto& executor : building.snapshot.executors) {
    if (executor.kind != snapshot::ExecutorKind::kCurrentThread) continue;
    const auto index = building.node(graph::NodeKind::kExecutor, executor.object);
    if (executor.moves) {
      building.acts(index, graph::Acts::kAlone, "its thread ran just then");
    } else if (executor.serves) {
      building.acts(index, graph::Acts::kAlone, "its thread serves it");
    } else {
      for (const auto worker : executor.workers) {
        building.graph.need(index, building.thread_node(worker), graph::Relation::kServedBy,
                            {"one worker"});
      }
    }
    add_work_items(building, executor);
  }
}

}  // namespace hangspy::sync
