// Sync code on the one thread of sync_to_async waits for async code that needs that very thread.
#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

using snapshot::WaitKind;

constexpr std::string_view kSyncToAsync = "SyncToAsync.__call__";

bool matches(const Case& found) {
  const bool waits = found.waiting(WaitKind::kServeUntil) != nullptr ||
                     found.waiting(WaitKind::kFutureResult) != nullptr;
  if (!waits || found.queued_item() == nullptr) return false;
  for (const auto object : found.parties(graph::NodeKind::kTask)) {
    const auto* task = found.facts.task(object);
    if (task != nullptr && has_landmark(*task, kSyncToAsync)) return true;
  }
  return false;
}

// The sync middleware on the thread, if the user's frame there is one: it calls get_response.
void advise_middleware(const snapshot::Frame& frame, Advice& advice) {
  advice.help += Phrase(". Or make ") + bare_name(frame->function) +
                 " asynchronous (async_capable), so that no sync call stands above the view";
}

Advice advise(const Case& found) {
  Advice advice;
  const auto* bridge = found.waiting(WaitKind::kFutureResult);
  const auto* thread = bridge != nullptr ? bridge : found.waiting(WaitKind::kServeUntil);
  const auto frame = thread != nullptr ? user_frame(*thread) : std::nullopt;
  if (!frame) return advice;
  advice.help =
      code_and_place(*frame) +
      (bridge != nullptr
           ? " blocks its thread for a coroutine whose own sync call needs that thread"
           : " waits for an async view that made a task, whose own sync call needs its thread");
  const auto* item = found.queued_item();
  advice.help += bridge != nullptr
                     ? Phrase(". Await the coroutine in async code")
                     : Phrase(". Await ") + item->function + " directly instead of in a task";
  advice.help += Phrase(", or ") + thread_sensitive_false(found);
  const auto asgiref = found.facts.version("asgiref");
  if (bridge == nullptr) {
    advise_middleware(*frame, advice);
    if (asgiref && version_before(*asgiref, "3.8")) {
      advice.notes.emplace_back("asgiref 3.8.0 and later fix this case");
    }
  } else {
    advice.notes.emplace_back("upgrading asgiref does not help: 3.12.1 does the same");
  }
  note_async_orm(found, advice);
  note_gather(found, advice);
  return advice;
}

}  // namespace

extern const Rule kThreadSensitiveNesting = {
    "thread-sensitive-nesting", matches, advise,
    "sync code waits for async code that needs the same thread",
    R"(sync_to_async runs everything thread-sensitive of one request on one thread. Sync code there
that waits for async code, while that async code calls sync_to_async again, waits for itself.

    def view(request):                                    # runs on the thread
        future = asyncio.run_coroutine_threadsafe(load(), loop)
        return future.result()                            # load needs the same thread

Under asgiref before 3.8 a task made below a sync middleware does it, too: create_task, gather,
shield, and on Python before 3.12 wait_for, which then ends the cycle at its timeout.

What helps: await directly instead of in a task; thread_sensitive=False for the inner call; an
asynchronous middleware; for the task form asgiref 3.8 or later.
What does not: asyncio.gather (it makes tasks, too), Django's asynchronous ORM methods (they are
sync_to_async inside).
)"};

}  // namespace hangspy::diagnosis
