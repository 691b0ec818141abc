// A thread waits for an event (or condition, or queue) whose only other holders are stuck behind
// that thread. An event has no owner, so this is likely, never proven.
#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

using graph::NodeKind;
using snapshot::WaitKind;

bool matches(const Case& found) {
  return found.has(NodeKind::kEvent) || found.has(NodeKind::kCondition) ||
         found.has(NodeKind::kQueue);
}

const snapshot::Thread* waiter(const Case& found) {
  for (const auto kind : {WaitKind::kEvent, WaitKind::kCondition, WaitKind::kQueue}) {
    if (const auto* thread = found.waiting(kind)) return thread;
  }
  return nullptr;
}

Advice advise(const Case& found) {
  Advice advice;
  const auto* thread = waiter(found);
  const auto frame = thread != nullptr ? user_frame(*thread) : std::nullopt;
  if (!frame) return advice;
  advice.help = code_and_place(*frame) +
                " blocks its thread until somebody sets the event, and who can set it first needs "
                "that thread. Wait in async code with an asyncio.Event";
  const auto narrow = thread_sensitive_false(found);
  if (!narrow.empty()) advice.help += Phrase(", or ") + narrow;
  advice.notes.emplace_back(
      "likely, not proven: an event has no owner; every reference to it that was found is stuck");
  note_async_orm(found, advice);
  return advice;
}

}  // namespace

extern const Rule kEventBehindItsSetter = {
    "event-behind-its-setter", matches, advise,
    "a thread waits for an event that only something stuck behind that thread could set",
    R"(A thread blocks in Event.wait (or a Condition, or a Queue). Every reference to the event was
found, and all who hold it are waiting, in the end, for that thread.

    ready = threading.Event()
    async def setter():
        await sync_to_async(prepare)()      # queued behind the waiting thread
        ready.set()
    def view(request):                      # runs on that thread
        asyncio.run_coroutine_threadsafe(setter(), loop)
        ready.wait()

What helps: wait in async code with an asyncio.Event; or run the sync call in front of the setter
with thread_sensitive=False.
)"};

}  // namespace hangspy::diagnosis
