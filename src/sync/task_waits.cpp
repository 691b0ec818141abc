// A task needs what it awaits and, for its next step, its loop. A handle that holds the task may
// end the wait instead, by cancelling it: an asyncio.timeout around it, a wait_for, or any other.
//
// A cancellation goes down: who is cancelled cancels what it awaits, through tasks and gathers, but
// not through a shield. So a timeout far above a cycle breaks it, too. It goes down before it does
// anything: where it only comes back to where it was it ends in a RecursionError, and nobody is
// cancelled (task_cancel, Modules/_asynciomodule.c; Task.cancel, Lib/asyncio/tasks.py).
#include <set>
#include <unordered_set>
#include <utility>

#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;
using graph::Relation;

// One for all tasks, of which there may be very many.
const graph::Evidence kFutureWaiter{"fut_waiter"};
const graph::Evidence kTasksLoop{"task's loop"};
constexpr std::string_view kGather = "gather";

// For each task the handles that may cancel it.
class Cancellers {
 public:
  explicit Cancellers(const Building& building) : building_(building) {
    for (const auto& each : building.snapshot.completions) {
      if (each.kind == snapshot::CompleterKind::kTask && passes_on(each.evidence)) {
        completers_[each.future.value].push_back(each.completer);
      }
    }
    for (const auto& loop : building.snapshot.loops) {
      for (const auto& handle : loop.handles) add_handle(handle);
    }
    while (!open_.empty()) pass_on();
  }

  [[nodiscard]] const std::set<Address>& of(Address task) const {
    static const std::set<Address> kNone;
    const auto found = handles_.find(task.value);
    return found == handles_.end() ? kNone : found->second;
  }

 private:
  // asyncio.wait and shield leave alone what they wait for.
  static bool passes_on(const std::string& evidence) {
    return evidence == "wait_for" || evidence == kGather || evidence == "task group";
  }

  void add_handle(const snapshot::Handle& handle) {
    if (handle.times_out_task) cancel(handle.times_out_task, handle.object);
    for (const auto each : handle.completes) end(each, handle.object);
  }

  // What ends a task or a future ends the wait of those that complete it: wait_for cancels the
  // task that it waits for, a gather its children.
  void end(Address future, Address handle) {
    if (building_.tasks.find(future) != nullptr) return cancel(future, handle);
    const auto found = completers_.find(future.value);
    if (found == completers_.end()) return;
    for (const auto task : found->second) cancel(task, handle);
  }

  // Down to what has nothing below it, and up again: those on the way can be cancelled.
  void find_cancellable() {
    std::unordered_map<std::uint64_t, std::vector<Address>> above;
    const auto goes_down = [&](Address from, Address to) {
      above[to.value].push_back(from);
      passes_on_.insert(from.value);
    };
    for (const auto& task : building_.snapshot.tasks) {
      const bool waits = task.state == snapshot::FutureState::kPending && task.waits_for;
      if (waits) goes_down(task.object, task.waits_for);
    }
    for (const auto& each : building_.snapshot.completions) {
      if (each.evidence == kGather) goes_down(each.future, each.completer);
    }
    std::vector<std::uint64_t> open;
    for (const auto& [below, unused] : above) {
      if (!passes_on_.contains(below)) open.push_back(below);
    }
    while (!open.empty()) {
      const auto found = above.find(open.back());
      open.pop_back();
      if (found == above.end()) continue;
      for (const auto each : found->second) {
        if (cancellable_.insert(each.value).second) open.push_back(each.value);
      }
    }
  }

  // Found out only where anything may be cancelled at all.
  bool comes_back(Address task) {
    if (!std::exchange(is_searched_, true)) find_cancellable();
    return passes_on_.contains(task.value) && !cancellable_.contains(task.value);
  }

  void cancel(Address task, Address handle) {
    if (comes_back(task)) return;
    if (handles_[task.value].insert(handle).second) open_.emplace_back(task, handle);
  }

  void pass_on() {
    const auto [task, handle] = open_.back();
    open_.pop_back();
    const auto* found = building_.tasks.find(task);
    if (found != nullptr) end(found->waits_for, handle);
  }

  const Building& building_;
  std::unordered_map<std::uint64_t, std::vector<Address>> completers_;
  std::unordered_map<std::uint64_t, std::set<Address>> handles_;
  bool is_searched_ = false;
  std::unordered_set<std::uint64_t> passes_on_;    // tasks and gathers that cancel others first
  std::unordered_set<std::uint64_t> cancellable_;  // and those of them for whom that ends
  std::vector<std::pair<Address, Address>> open_;
};

void add_wait(Building& building, const snapshot::Task& task, const Cancellers& cancellers,
              NodeIndex index) {
  const auto group = building.graph.new_group(index);
  building.graph.need(index, building.future_node(task.waits_for), Relation::kWaitsFor,
                      kFutureWaiter, graph::Grade::kSeen, group);
  for (const auto handle : cancellers.of(task.object)) {
    building.graph.need(index, building.node(NodeKind::kHandle, handle), Relation::kCompletedBy,
                        {"may cancel it"}, graph::Grade::kSeen, group);
  }
}

void add_task(Building& building, const snapshot::Task& task, const Cancellers& cancellers) {
  const auto index = building.node(NodeKind::kTask, task.object);
  if (task.state != snapshot::FutureState::kPending) {
    return building.acts(index, Acts::kAlone, "it is done");
  }
  building.graph.at(index).demanded = task.is_request;
  if (task.moves) return building.acts(index, Acts::kAlone, "it took a step just then");
  const auto* loop = building.loops.find(task.loop);
  const bool has_thread = loop != nullptr && loop->thread;
  if (task.running && has_thread) {
    building.graph.need(index, building.thread_node(loop->thread), Relation::kRunsOn,
                        {"current task"});
    return;
  }
  if (task.waits_for) add_wait(building, task, cancellers, index);
  building.graph.need(index, building.node(NodeKind::kEventLoop, task.loop), Relation::kRunsOn,
                      kTasksLoop);
}

}  // namespace

void add_task_waits(Building& building) {
  const Cancellers cancellers(building);
  for (const auto& task : building.snapshot.tasks) add_task(building, task, cancellers);
}

}  // namespace hangspy::sync
