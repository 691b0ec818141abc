// Code on the event loop's own thread blocks until the loop has done something.
#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

const snapshot::Thread* loop_thread(const Case& found) {
  for (const auto state : found.parties(graph::NodeKind::kThread)) {
    const auto* thread = found.facts.thread(state);
    if (thread != nullptr && found.facts.runs_loop(*thread)) return thread;
  }
  return nullptr;
}

bool matches(const Case& found) {
  const auto* thread = loop_thread(found);
  return found.through_loop_thread() && thread != nullptr &&
         found.parties(graph::NodeKind::kThread).size() == 1 &&
         thread->wait.kind == snapshot::WaitKind::kFutureResult;
}

Advice advise(const Case& found) {
  Advice advice;
  const auto* thread = loop_thread(found);
  const auto frame = thread != nullptr ? user_frame(*thread) : std::nullopt;
  if (frame) {
    advice.help = code_and_place(*frame) +
                  " blocks the event loop's own thread until the loop has run a coroutine. Await "
                  "the coroutine there, or asyncio.wrap_future(...) of the future, instead of "
                  "calling result()";
  }
  return advice;
}

}  // namespace

extern const Rule kLoopWaitsForItself = {
    "loop-waits-for-itself", matches, advise,
    "the event loop's thread blocks on something that only the loop can do",
    R"(Code that runs on the event loop's thread calls result() of a future that a coroutine on that
same loop must set. The loop cannot run it, for its thread is in result().

    async def view(request):
        future = asyncio.run_coroutine_threadsafe(load(), asyncio.get_running_loop())
        return future.result()

What helps: await load(). run_coroutine_threadsafe is for other threads.
)"};

}  // namespace hangspy::diagnosis
