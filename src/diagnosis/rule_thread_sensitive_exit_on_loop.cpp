// asgiref's ThreadSensitiveContext joins its thread when it ends. When the request's task was
// cancelled from outside, that join runs on the event loop, and the thread waits for the loop.
#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

constexpr std::string_view kExit = "ThreadSensitiveContext.__aexit__";

bool matches(const Case& found) {
  const auto* joiner = found.waiting(snapshot::WaitKind::kJoin);
  return joiner != nullptr && found.through_loop_thread() && has_landmark(*joiner, kExit);
}

Advice advise(const Case& found) {
  Advice advice;
  const auto* joiner = found.waiting(snapshot::WaitKind::kJoin);
  const auto frame = joiner != nullptr ? user_frame(*joiner) : std::nullopt;
  const auto asgiref = found.facts.version("asgiref");
  const bool old = !asgiref || version_before(*asgiref, "3.12");
  advice.help = old ? Phrase("upgrade asgiref to 3.12 or later, which does not join on the loop")
                    : Phrase("do not cancel a request's task from outside");
  if (frame && (*frame)->origin == snapshot::Origin::kUser) {
    advice.help += Phrase(". Until then do not cancel the application from outside, as ") +
                   code_and_place(*frame) + " does: put the time limit inside the view";
  }
  advice.notes.emplace_back(
      "what cancels so: asyncio.wait_for around the application, daphne 10 s after a disconnect");
  return advice;
}

}  // namespace

extern const Rule kThreadSensitiveExitOnLoop = {
    "thread-sensitive-exit-on-loop", matches, advise,
    "the event loop joins a request's thread, which waits for the event loop",
    R"(A request was cancelled from outside while its thread was in sync code. Leaving its
ThreadSensitiveContext then shuts the thread's pool down and joins the thread, on the event
loop. The thread calls async_to_sync meanwhile: it waits for the loop. The worker is dead.

    async def application(scope, receive, send):
        await asyncio.wait_for(django(scope, receive, send), 3)   # cancels from outside

What helps: asgiref 3.12 or later. Or no cancelling from outside: put time limits inside views.
)"};

}  // namespace hangspy::diagnosis
