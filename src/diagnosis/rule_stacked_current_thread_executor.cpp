// Sync code waits in async_to_sync for a task whose own sync call is queued on the same thread, in
// an executor that the thread will only get back to afterwards. Present in every asgiref since
// 3.3.0, the newest included.
#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

using snapshot::ExecutorKind;
using snapshot::WaitKind;

bool matches(const Case& found) {
  const auto* thread = found.waiting(WaitKind::kServeUntil);
  const auto* item = found.queued_item();
  if (thread == nullptr || item == nullptr) return false;
  const auto* executor = found.facts.executor_of_item(item->object);
  if (executor == nullptr) return false;
  if (executor->kind == ExecutorKind::kCurrentThread) return true;
  // On the pool itself: since 3.8 a task made below async_to_sync queues on the executor of the
  // current thread instead, so this one was in flight before.
  const auto asgiref = found.facts.version("asgiref");
  return asgiref && !version_before(*asgiref, "3.8");
}

// The last task of the cycle before the queued item: the one whose sync call is queued.
const snapshot::Task* queued_task(const Case& found) {
  const snapshot::Task* last = nullptr;
  for (const auto object : found.parties(graph::NodeKind::kTask)) last = found.facts.task(object);
  return last;
}

Advice advise(const Case& found) {
  Advice advice;
  const auto* thread = found.waiting(WaitKind::kServeUntil);
  const auto sync = thread != nullptr ? user_frame(*thread) : std::nullopt;
  const auto* task = queued_task(found);
  const auto waiting = task != nullptr ? user_frame(*task) : std::nullopt;
  if (sync) {
    advice.help = code_and_place(*sync) +
                  " waits in sync code for a task whose own sync call needs the same thread. Await "
                  "that task before the sync code is called";
    if (waiting) advice.help += Phrase(" (it is at ") + place_of(*waiting) + ")";
    const auto narrow = thread_sensitive_false(found);
    if (!narrow.empty()) advice.help += Phrase(", or ") + narrow;
  }
  advice.notes.emplace_back(
      "upgrading asgiref does not help: 3.12.1 does the same, and before 3.9 it is a race");
  note_async_orm(found, advice);
  note_gather(found, advice);
  return advice;
}

}  // namespace

extern const Rule kStackedCurrentThreadExecutor = {
    "stacked-current-thread-executor", matches, advise,
    "sync code waits for a task whose own sync call is queued on the same thread",
    R"(Sync code that runs on the thread of sync_to_async calls async_to_sync. While it waits, that
thread serves only the innermost executor. A task that was in flight before has its own sync
call queued on an outer executor of the same thread: neither can go on.

    task = asyncio.create_task(load())         # load awaits Rate.objects.aget(...)
    await sync_to_async(price_cart)(task)      # runs on the thread ...
    def price_cart(task):
        async_to_sync(wait_for)(task)          # ... and waits for the task there

What helps: await the task before the sync code is called; or run its sync call with
thread_sensitive=False; or do the waiting in async code.
What does not: a newer asgiref, asyncio.gather, Django's asynchronous ORM methods.
)"};

}  // namespace hangspy::diagnosis
