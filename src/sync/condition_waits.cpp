// Events, conditions and queues have no owner: anyone who holds one may release it. Only when every
// counted reference to it is explained are the holders all who ever can: then it waits for any of
// them but its waiters, as a witness; and when the waiters alone hold it, for nobody.
#include <algorithm>

#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::Grade;
using graph::NodeIndex;
using graph::NodeKind;
using snapshot::HolderKind;
using snapshot::WaitKind;

NodeIndex holder_node(Building& building, const snapshot::Holder& holder) {
  switch (holder.kind) {
    case HolderKind::kThread:
      return building.thread_node(holder.object);
    case HolderKind::kTask:
      return building.node(NodeKind::kTask, holder.object);
    case HolderKind::kHandle:
      return building.node(NodeKind::kHandle, holder.object);
    case HolderKind::kWorkItem:
      return building.node(NodeKind::kWorkItem, holder.object);
  }
  return building.thread_node(holder.object);
}

bool waits_for(const Building& building, const snapshot::Holder& holder, Address object) {
  if (holder.kind != HolderKind::kThread) return false;
  const auto* thread = building.threads.find(holder.object);
  return thread != nullptr && thread->wait.object == object && !thread->wait.timed;
}

// The task that runs on a thread is that thread, as far as what it can release goes.
bool runs_on_waiter(const Building& building, const snapshot::Holder& holder, Address object) {
  if (holder.kind != HolderKind::kTask) return false;
  const auto* task = building.tasks.find(holder.object);
  if (task == nullptr || !task->running) return false;
  const auto* loop = building.loops.find(task->loop);
  return loop != nullptr && waits_for(building, {HolderKind::kThread, loop->thread, ""}, object);
}

void add_holders(Building& building, NodeIndex index, const snapshot::References& references) {
  const auto group = building.graph.new_group(index);
  for (const auto& holder : references.holders) {
    if (waits_for(building, holder, references.object) ||
        runs_on_waiter(building, holder, references.object)) {
      continue;
    }
    building.graph.need(index, holder_node(building, holder), graph::Relation::kCompletedBy,
                        {holder.how, "all references"}, Grade::kWitness, group);
  }
}

NodeKind kind_of(WaitKind kind) {
  if (kind == WaitKind::kEvent) return NodeKind::kEvent;
  return kind == WaitKind::kQueue ? NodeKind::kQueue : NodeKind::kCondition;
}

}  // namespace

void add_condition_waits(Building& building) {
  for (const auto& thread : building.snapshot.threads) {
    const auto kind = thread.wait.kind;
    if (kind != WaitKind::kEvent && kind != WaitKind::kQueue && kind != WaitKind::kCondition)
      continue;
    const auto index = building.node(kind_of(kind), thread.wait.object);
    if (!building.graph.edges_of(index).empty()) continue;  // another thread waits for it, too
    const auto& all = building.snapshot.references;
    const auto known = std::find_if(all.begin(), all.end(), [&](const auto& each) {
      return each.object == thread.wait.object;
    });
    if (known == all.end() || !known->explained) {
      building.acts(index, Acts::kOpen, "anyone who holds it may release it");
    } else {
      add_holders(building, index, *known);
    }
  }
}

}  // namespace hangspy::sync
