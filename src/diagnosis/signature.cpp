#include "diagnosis/signature.hpp"

#include <algorithm>

namespace hangspy::diagnosis {
namespace {

using graph::NodeKind;

constexpr std::string_view kSyncToAsync = "SyncToAsync.__call__";

// The futures that a task's own future leads to, through shields, gathers and chains.
std::vector<Address> completers_of(const Facts& facts, const snapshot::Task& task) {
  std::vector<Address> reached{task.waits_for};
  for (std::size_t i = 0; i < reached.size() && reached.size() < 1'000; ++i) {
    for (const auto& each : facts.all().completions) {
      const bool known = std::find(reached.begin(), reached.end(), each.completer) != reached.end();
      if (each.future == reached[i] && !known) reached.push_back(each.completer);
    }
  }
  return reached;
}

// The work item that completes what the task waits for.
const snapshot::WorkItem* item_of(const Facts& facts, const snapshot::Task& task) {
  const auto reached = completers_of(facts, task);
  for (const auto& executor : facts.all().executors) {
    for (const auto& item : executor.items) {
      if (std::find(reached.begin(), reached.end(), item.future) != reached.end()) return &item;
    }
  }
  return nullptr;
}

bool parks(const snapshot::Thread& thread) {
  const bool in_work = has_landmark(thread, "_WorkItem.run");
  return in_work && thread.wait.kind != snapshot::WaitKind::kNone;
}

// The thread behind which the item is queued: the one worker of its executor, parked in other work.
const snapshot::Thread* thread_before(const Facts& facts, const snapshot::WorkItem& item) {
  const auto* executor = facts.executor_of_item(item.object);
  if (executor == nullptr || !item.queued_at || executor->workers.size() != 1) return nullptr;
  const auto* thread = facts.thread(executor->workers.front());
  return thread != nullptr && !executor->serves && parks(*thread) ? thread : nullptr;
}

const char* shape_of(const snapshot::Task& task) {
  if (has_landmark(task, "wait_for")) return " under wait_for";
  return "";
}

struct Evidence {
  const snapshot::Task* task = nullptr;
  const snapshot::Thread* thread = nullptr;
  const snapshot::WorkItem* item = nullptr;
};

// The best match: one whose item is queued behind a parked thread, else any task that waits.
Evidence look(const Facts& facts) {
  Evidence best;
  for (const auto& task : facts.all().tasks) {
    if (!has_landmark(task, kSyncToAsync) || !task.waits_for) continue;
    const auto* item = item_of(facts, task);
    const auto* thread = item != nullptr ? thread_before(facts, *item) : nullptr;
    if (thread != nullptr) return {&task, thread, item};
    if (best.task == nullptr) best.task = &task;
  }
  for (const auto& thread : facts.all().threads) {
    if (best.thread == nullptr && parks(thread)) best.thread = &thread;
  }
  return best;
}

Phrase why_not(const graph::WaitGraph& graph, const std::vector<bool>& acts,
               const snapshot::Thread& thread) {
  // Follow what can act from the thread on, to what acts by itself.
  auto node = graph.find({NodeKind::kThread, thread.state});
  for (std::size_t step = 0; node && step < graph.nodes().size(); ++step) {
    const auto& here = graph.at(*node);
    if (here.acts != graph::Acts::kWhenFreed) {
      const auto kind = std::string(graph::name_of(here.id.kind));
      return Phrase("the wait can end by the " + kind + ": " + std::string(here.reason()));
    }
    const auto edges = graph.edges_of(*node);
    const auto next = std::find_if(edges.begin(), edges.end(),
                                   [&](auto edge) { return acts[graph.edge(edge).to]; });
    if (next == edges.end()) break;
    node = graph.edge(*next).to;
  }
  return Phrase("its wait can still end");
}

}  // namespace

Signature signature(const Facts& facts, const graph::WaitGraph& graph,
                    const std::vector<bool>& acts, bool moves) {
  const auto seen = look(facts);
  Signature result;
  result.checks = {
      {"task-awaits-sync-to-async", seen.task != nullptr,
       seen.task != nullptr ? Phrase("task \"") + seen.task->name + "\"" + shape_of(*seen.task)
                            : Phrase("no task awaits sync_to_async")},
      {"thread-parked", seen.thread != nullptr,
       seen.thread != nullptr ? Phrase("thread \"") + seen.thread->name + "\""
                              : Phrase("no thread waits inside a work item")},
      {"item-queued-behind-thread", seen.item != nullptr,
       seen.item != nullptr ? Phrase(seen.item->function) + " is queued behind that thread"
                            : Phrase("no such task's work item is queued behind such a thread")},
  };
  result.present = std::all_of(result.checks.begin(), result.checks.end(),
                               [](const Check& each) { return each.holds; });
  if (result.present && moves && seen.thread != nullptr)
    result.relation = why_not(graph, acts, *seen.thread);
  return result;
}

}  // namespace hangspy::diagnosis
