// The graph of a whole snapshot: every kind's edges, one after the other.
#include "sync/waits.hpp"

namespace hangspy::sync {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;

Building::Building(const snapshot::Snapshot& facts)
    : snapshot(facts),
      tasks(facts.tasks, &snapshot::Task::object),
      loops(facts.loops, &snapshot::EventLoop::object),
      threads(facts.threads, &snapshot::Thread::state) {
  const auto tasks_and_futures = facts.tasks.size() + facts.futures.size();
  graph.reserve(tasks_and_futures + tasks_and_futures / 8,
                2 * facts.tasks.size() + facts.completions.size() + tasks_and_futures / 8);
  for (const auto& each : facts.completions) {
    // No object completes itself; what looks so is damaged.
    if (each.completer != each.future) completions[each.future.value].push_back(&each);
  }
  for (const auto& executor : facts.executors) {
    for (const auto& item : executor.items) items[item.future.value].push_back(&item);
  }
  for (const auto& loop : facts.loops) {
    for (const auto& handle : loop.handles) note_handle(handle);
  }
}

// A handle may name a future twice, but completes it once.
void Building::note_handle(const snapshot::Handle& handle) {
  for (const auto future : handle.completes) {
    auto& known = handles[future.value];
    if (known.empty() || known.back() != handle.object) known.push_back(handle.object);
  }
}

const Building::Completions& Building::completions_of(Address future) const {
  static const Completions kNone;
  const auto found = completions.find(future.value);
  return found == completions.end() ? kNone : found->second;
}

NodeIndex Building::future_node(Address future) {
  return node(tasks.find(future) != nullptr ? NodeKind::kTask : NodeKind::kFuture, future);
}

void Building::need_loop_run(NodeIndex from, const snapshot::Thread& thread, std::size_t below) {
  if (!thread.runs_until || !thread.runs_until_frame || *thread.runs_until_frame >= below) return;
  graph.need(from, future_node(*thread.runs_until), graph::Relation::kWaitsFor,
             {"run_until_complete"});
}

void Building::need_handles(NodeIndex from, Address future, std::uint32_t group) {
  const auto found = handles.find(future.value);
  if (found == handles.end()) return;
  for (const auto handle : found->second) {
    graph.need(from, node(NodeKind::kHandle, handle), graph::Relation::kCompletedBy, {"handle"},
               graph::Grade::kSeen, group);
  }
}

void Building::acts(NodeIndex index, Acts how, std::string why) {
  acts(index, how, Shared(std::move(why)));
}

void Building::acts(NodeIndex index, Acts how, Shared<std::string> why) {
  graph.at(index).acts = how;
  graph.at(index).why = std::move(why);
}

// What others refer to but nobody described was not read: it may act, and may not prove anything.
static void mark_unread(graph::WaitGraph& graph) {
  for (NodeIndex i = 0; i < graph.nodes().size(); ++i) {
    auto& node = graph.at(i);
    if (node.acts != Acts::kWhenFreed || graph.group_count(i) != 0) continue;
    node.acts = Acts::kUnreadable;
    node.why = Shared<std::string>("it could not be read");
  }
}

graph::WaitGraph build_graph(const snapshot::Snapshot& snapshot) {
  Building building(snapshot);
  for (const auto& thread : snapshot.threads) building.thread_node(thread.state);
  add_thread_waits(building);
  add_lock_waits(building);
  add_condition_waits(building);
  add_join_waits(building);
  add_event_loop_waits(building);
  add_task_waits(building);
  add_future_waits(building);
  add_thread_pool_waits(building);
  add_current_thread_executor_waits(building);
  add_concurrent_future_waits(building);
  mark_unread(building.graph);
  return std::move(building.graph);
}

}  // namespace hangspy::sync
