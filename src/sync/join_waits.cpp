// Thread.join ends when the joined thread ends; for that it must be able to act.
#include "sync/waits.hpp"

namespace hangspy::sync {

void add_join_waits(Building& building) {
  for (const auto& thread : building.snapshot.threads) {
    if (thread.wait.kind != snapshot::WaitKind::kJoin) continue;
    const auto index = building.thread_node(thread.state);
    building.graph.at(index).demanded = true;
    const snapshot::Thread* joined = nullptr;
    for (const auto& other : building.snapshot.threads) {
      if (other.object == thread.wait.object) joined = &other;
    }
    if (joined == nullptr) {
      building.acts(index, graph::Acts::kAlone, "the thread that it joins has ended");
      continue;
    }
    const auto group = building.graph.new_group(index);
    building.graph.need(index, building.thread_node(joined->state), graph::Relation::kWaitsFor,
                        thread.wait.evidence, graph::Grade::kSeen, group);
    if (!thread.wait.timed) {
      building.need_loop_run(index, *joined, joined->frames.size());
      continue;
    }
    const auto timer = building.node(graph::NodeKind::kHandle, thread.state);
    building.acts(timer, graph::Acts::kAtDeadline, "the join has a timeout");
    building.graph.need(index, timer, graph::Relation::kWaitsFor, {"timeout"}, graph::Grade::kSeen,
                        group);
  }
}

}  // namespace hangspy::sync
