// Condition, and all that stands on one: Event, queue.Queue, a concurrent Future's result,
// asgiref's run_until_future. A waiter of any of them sits in Condition.wait with a lock of its
// own, the local `waiter`; its futex must name that lock. The frames above say what it is for, and
// the objects in them must belong together: the event's `_cond` is this condition, and so on.
//
// Source: Lib/threading.py, Lib/queue.py, Lib/concurrent/futures/_base.py, tags v3.11.7 to v3.13.0;
// asgiref/current_thread_executor.py, 3.3.2 to 3.12.1.
#include <string_view>

#include "sync/futex.hpp"
#include "sync/reads.hpp"

namespace hangspy::sync {
namespace {

using python::Mark;
using snapshot::WaitKind;

Address self_of(const python::Process& process, const python::RawFrame& frame) {
  const auto self = process.frames().local(frame, "self");
  return self && *self ? **self : Address{};
}

bool has(const python::Process& process, Address owner, std::string_view name, Address member) {
  const auto found = process.objects().find(owner, name);
  return found && *found && **found == member;
}

bool queue_has(const python::Process& process, Address queue, Address condition) {
  return has(process, queue, "not_empty", condition) ||
         has(process, queue, "not_full", condition) ||
         has(process, queue, "all_tasks_done", condition);
}

// The frame that gives the condition its meaning, when it really is about this condition.
void name_purpose(const python::Process& process, const python::RawThread& thread,
                  Address condition, snapshot::ThreadWait& wait) {
  if (wait.frame >= thread.frames.size()) return;
  const auto owner = self_of(process, thread.frames[wait.frame]);
  const auto take = [&](WaitKind kind, const char* evidence) {
    wait.kind = kind;
    wait.object = owner;
    wait.evidence.emplace_back(evidence);
    ++wait.frame;
  };
  switch (thread.marks[wait.frame]) {
    case Mark::kEventWait:
      if (has(process, owner, "_cond", condition)) take(WaitKind::kEvent, "event's condition");
      break;
    case Mark::kFutureResult:
    case Mark::kFutureException:
      if (has(process, owner, "_condition", condition)) {
        take(WaitKind::kFutureResult, "future's condition");
      }
      break;
    case Mark::kQueueGet:
    case Mark::kQueuePut:
    case Mark::kQueueJoin:
      if (queue_has(process, owner, condition)) take(WaitKind::kQueue, "queue's condition");
      break;
    default:
      break;
  }
}

// asgiref's executor of the current thread: it serves its own queue until a future is done. The
// executor's queue or condition must be the one that is waited on.
void name_server(const python::Process& process, const python::RawThread& thread, Address condition,
                 snapshot::ThreadWait& wait) {
  if (wait.frame >= thread.frames.size()) return;
  const auto& frame = thread.frames[wait.frame];
  if (thread.marks[wait.frame] != Mark::kRunUntilFuture) return;
  const auto server = self_of(process, frame);
  const auto future = process.frames().local(frame, "future");
  if (!future || !*future) return;
  const bool own_queue =
      wait.kind == WaitKind::kQueue && has(process, server, "_work_queue", wait.object);
  if (!own_queue && !has(process, server, "_work_ready", condition)) return;
  wait.kind = WaitKind::kServeUntil;
  wait.object = **future;
  wait.server = server;
  ++wait.frame;
}

// Not on its own waiter lock any more: it was told, and now wants the condition's lock back.
ThreadWait reacquires(const python::Process& process, const python::RawThread& thread,
                      Address condition) {
  const auto lock = process.objects().find(condition, "_lock");
  if (!lock || !*lock || !parked_on(process, thread, **lock)) return std::nullopt;
  return snapshot::ThreadWait{
      .kind = WaitKind::kLock, .object = **lock, .frame = 1, .evidence = {"frame", "futex"}};
}

}  // namespace

ThreadWait condition_wait(const python::Process& process, const python::RawThread& thread) {
  if (thread.marks.empty() || thread.marks.front() != Mark::kConditionWait) return std::nullopt;
  const auto condition = self_of(process, thread.frames.front());
  const auto waiter = process.frames().local(thread.frames.front(), "waiter");
  if (!condition || !waiter || !*waiter) return std::nullopt;
  if (!parked_on(process, thread, **waiter)) return reacquires(process, thread, condition);
  snapshot::ThreadWait wait;
  wait.kind = WaitKind::kCondition;
  wait.object = condition;
  wait.timed = futex_of(thread)->timed;
  wait.frame = 1;
  wait.evidence = {"frame", "futex"};
  if (wait.frame < thread.marks.size() && thread.marks[wait.frame] == Mark::kConditionWaitFor) {
    ++wait.frame;
  }
  name_purpose(process, thread, condition, wait);
  name_server(process, thread, condition, wait);
  return wait;
}

}  // namespace hangspy::sync
