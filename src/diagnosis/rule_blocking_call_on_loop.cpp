// An event loop's thread is inside code that blocks: time.sleep, a socket read, a lock. Everything
// on that loop waits meanwhile.
#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

bool matches(const Case&) {
  return false;
}  // it is no cycle; see blocked_loop.cpp

Advice advise(const Case& found) {
  Advice advice;
  for (const auto& thread : found.facts.all().threads) {
    if (!found.facts.runs_loop(thread) || thread.wait.kind == snapshot::WaitKind::kSelector)
      continue;
    const auto frame = user_frame(thread);
    if (!frame) continue;
    if (thread.wait.kind != snapshot::WaitKind::kOutside) {
      advice.help =
          code_and_place(*frame) +
          " waits on the event loop's own thread for what another thread must release. Wait "
          "in a thread (asyncio.to_thread), or with asyncio's own lock, event or queue";
      break;
    }
    advice.help = code_and_place(*frame) +
                  " blocks the event loop. Use the asynchronous call (asyncio.sleep, an async "
                  "client), or run it with asyncio.to_thread or sync_to_async";
    break;
  }
  return advice;
}

}  // namespace

extern const Rule kBlockingCallOnLoop = {
    "blocking-call-on-loop", matches, advise, "an event loop's thread is inside code that blocks",
    R"(Code that runs on the event loop's thread waits for the outside world by blocking the thread.
Until the call returns, no other task of that loop runs, and no request is served.

    async def view(request):
        time.sleep(30)

What helps: the asynchronous call, or asyncio.to_thread / sync_to_async around the blocking one.
)"};

}  // namespace hangspy::diagnosis
