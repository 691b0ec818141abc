#include "diagnosis/blocked_loop.hpp"

#include <algorithm>

#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

using snapshot::WaitKind;

bool blocks(const Facts& facts, const snapshot::Thread& thread) {
  if (thread.moves || !facts.runs_loop(thread) || thread.wait.kind == WaitKind::kSelector ||
      thread.wait.kind == WaitKind::kNone) {
    return false;
  }
  const bool current = std::any_of(
      facts.all().tasks.begin(), facts.all().tasks.end(),
      [&](const auto& task) { return task.running && task.loop == thread.running_loop; });
  return thread.runs_handle || current;
}

std::string what_blocks(const snapshot::ThreadWait& wait) {
  switch (wait.kind) {
    case WaitKind::kOutside:
      return wait.evidence.empty() ? "a system call" : wait.evidence.front();
    case WaitKind::kLock:
      return "a lock";
    case WaitKind::kEvent:
      return "Event.wait";
    case WaitKind::kQueue:
      return "a queue";
    case WaitKind::kFutureResult:
      return "a future's result()";
    case WaitKind::kServeUntil:
      return "async_to_sync";
    case WaitKind::kJoin:
      return "a thread's join()";
    case WaitKind::kNativeFutex:
      return "a lock of native code";
    default:
      return "a wait";
  }
}

Sentence wait_of(const snapshot::Thread& thread, const snapshot::Frame& frame) {
  const auto what = what_blocks(thread.wait);
  Sentence sentence;
  sentence.words = Phrase("is in ") + bare_name(frame->function) + ", which blocks in " + what;
  sentence.frames = {frame};
  sentence.evidence = {"frame", thread.runs_handle ? "running handle" : "current task"};
  return sentence;
}

}  // namespace

bool judge_blocked_loop(const Facts& facts, Diagnosis& diagnosis) {
  for (const auto& thread : facts.all().threads) {
    const auto frame = user_frame(thread);
    if (!blocks(facts, thread) || !frame) continue;
    const Case found{facts, diagnosis.graph, diagnosis.cycle};
    const auto node = diagnosis.graph.find({graph::NodeKind::kThread, thread.state});
    diagnosis.verdict = Verdict::kBlockedLoop;
    diagnosis.certainty = Certainty::kLikely;
    diagnosis.rule = kBlockingCallOnLoop.name;
    diagnosis.headline = Phrase("an event loop's thread is inside ") + code_and_place(*frame);
    diagnosis.advice = kBlockingCallOnLoop.advise(found);
    Sentence title;
    title.words = Phrase("thread \"") + thread.name + "\" (tid " + std::to_string(thread.tid) +
                  "), runs an event loop";
    diagnosis.participants = {{node.value_or(0), "T1", {title, wait_of(thread, *frame)}}};
    diagnosis.impact.serves_others = false;
    return true;
  }
  return false;
}

}  // namespace hangspy::diagnosis
