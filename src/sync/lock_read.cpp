// Lock and RLock: who waits, and who holds.
//
// A waiter is parked in its innermost frame, and some slot of that frame still names the lock; it
// is the right one when the futex says so, and a stale slot can do no harm there. A holder of an
// RLock stands in it. A plain Lock stores no owner: it is held by a frame that lies inside a `with`
// body whose handler keeps this lock's `__exit__`, and by no other sign (see Frames::open_withs);
// which is none where code inside that body may have released the lock (lock_release_read.hpp).
#include <algorithm>

#include "sync/futex.hpp"
#include "sync/lock_release_read.hpp"
#include "sync/reads.hpp"

namespace hangspy::sync {
namespace {

using python::TypeMark;
using snapshot::WaitKind;

// The locks that a slot's value leads to: itself, what a bound method is bound to, the lock
// inside a Condition.
python::Items candidates(const python::Process& process, Address value) {
  const auto& objects = process.objects();
  python::Items found;
  if (value.value % 8 != 0 || value.value < 4096) return found;
  found.push_back(value);
  if (const auto method = python::bound_method(objects, value)) found.push_back(method->self);
  const auto condition_type = process.landmarks().type(TypeMark::kCondition);
  if (!condition_type) return found;
  const auto direct = found;
  for (const auto each : direct) {
    if (!objects.is_instance(each, condition_type)) continue;
    const auto lock = objects.find(each, "_lock");
    if (lock && *lock) found.push_back(**lock);
  }
  return found;
}

Address parked_object(const python::Process& process, const python::RawThread& thread) {
  if (thread.frames.empty()) return {};
  const auto slots = process.frames().slots(thread.frames.front());
  if (!slots) return {};
  for (const auto* part : {&slots->stack, &slots->locals}) {
    for (const auto value : *part) {
      for (const auto each : candidates(process, value)) {
        if (parked_on(process, thread, each)) return each;
      }
    }
  }
  return {};
}

bool is_locked(const python::Process& process, Address lock) {
  const auto& objects = process.objects();
  const auto& layout = objects.layout();
  if (objects.is_instance(lock, process.landmarks().type(TypeMark::kRLock))) {
    return objects.value<std::uint64_t>(lock + layout.recursive_lock.count).value_or(0) != 0;
  }
  const auto type = objects.type_of(lock);
  const auto size = type ? objects.basic_size(*type) : fail(Failure::kImplausible, "");
  const bool semaphore =
      size && *size == layout.lock.size && layout.lock.locked != python::layouts::kAbsent;
  const auto at = semaphore ? lock + layout.lock.locked : lock + layout.object.size;
  return (objects.value<std::uint8_t>(at).value_or(0) & 1) != 0;
}

// A thread inside Condition.wait has given the lock back, though its `with` is still open.
bool gave_back(const python::Process& process, const python::RawThread& thread, Address lock) {
  for (std::size_t i = 0; i < thread.frames.size(); ++i) {
    if (thread.marks[i] != python::Mark::kConditionWait) continue;
    const auto self = process.frames().local(thread.frames[i], "self");
    if (self && *self && keeps(process, **self, lock)) return true;
  }
  return false;
}

// Behind the manager of a generator too: there the lock's `with` is the generator's.
bool keeps_any(const python::Process& process, const python::RawFrame& frame, Address lock) {
  const auto entered = entered_in(process, frame).value_or(std::vector<Entered>{});
  return std::any_of(entered.begin(), entered.end(),
                     [&](const Entered& each) { return keeps(process, each.object, lock); });
}

using Frames = std::vector<python::RawFrame>;

struct Holding {
  Address holder;
  bool is_task = false;
  std::uint32_t frame = 0;
  Frames inside;  // from the innermost frame to that one
};

std::optional<Holding> held_by(const python::Process& process, const python::RawThread& thread,
                               Address lock) {
  if (gave_back(process, thread, lock)) return std::nullopt;
  const auto& frames = thread.frames;
  const auto found = std::find_if(frames.begin(), frames.end(),
                                  [&](const auto& each) { return keeps_any(process, each, lock); });
  if (found == frames.end()) return std::nullopt;
  return Holding{thread.state, false, static_cast<std::uint32_t>(found - frames.begin()),
                 Frames(frames.begin(), found + 1)};
}

std::optional<Holding> held_by(const python::Process& process, const snapshot::Task& task,
                               Address lock) {
  if (process.is_running(task.object)) return std::nullopt;  // then its frames are a thread's
  Frames inside;
  for (std::size_t i = task.chain.size(); i-- > 0;) {
    if (!task.chain[i].frame) continue;
    const auto frame = process.frames().raw(*task.chain[i].frame);
    if (!frame) return std::nullopt;
    inside.push_back(*frame);
    if (!keeps_any(process, *frame, lock)) continue;
    return Holding{task.object, true, static_cast<std::uint32_t>(i), std::move(inside)};
  }
  return std::nullopt;
}

// Every thread whose stack lies in a `with` of this lock, and every coroutine that awaits inside
// one.
std::vector<Holding> open_holders(const python::Process& process, Address lock) {
  std::vector<Holding> all;
  for (const auto& thread : process.threads()) {
    if (auto found = held_by(process, thread, lock)) all.push_back(std::move(*found));
  }
  for (const auto& task : process.tasks()) {
    if (auto found = held_by(process, task, lock)) all.push_back(std::move(*found));
  }
  return all;
}

// Of two open `with` blocks one must have given the lock back inside: which, is not known.
void find_with_holder(const python::Process& process, snapshot::Lock& lock) {
  const auto all = open_holders(process, lock.object);
  if (all.size() != 1) return;
  const auto& found = all.front();
  lock.holder = found.holder;
  lock.holder_known = true;
  lock.holder_is_task = found.is_task;
  lock.holder_frame = found.frame;
  lock.holder_doubtful = may_be_released(process, found.inside, lock.object);
  lock.evidence = "open with block";
}

void find_owner(const python::Process& process, snapshot::Lock& lock) {
  const auto owner = process.objects().value<std::uint64_t>(
      lock.object + process.objects().layout().recursive_lock.owner);
  const auto* thread = owner ? process.thread_of_ident({*owner}) : nullptr;
  if (thread == nullptr) return;
  lock.holder = thread->state;
  lock.holder_known = true;
  lock.evidence = "owner field";
}

}  // namespace

ThreadWait lock_wait(const python::Process& process, const python::RawThread& thread) {
  if (!futex_of(thread)) return std::nullopt;
  const auto object = parked_object(process, thread);
  if (!object) return std::nullopt;
  const auto is_queue =
      process.objects().is_instance(object, process.landmarks().type(TypeMark::kSimpleQueue));
  return snapshot::ThreadWait{.kind = is_queue ? WaitKind::kQueue : WaitKind::kLock,
                              .object = object,
                              .timed = futex_of(thread)->timed,
                              .evidence = {"frame", "futex"}};
}

void read_locks(const python::Process& process, snapshot::Snapshot& snapshot) {
  for (const auto& thread : snapshot.threads) {
    if (thread.wait.kind != WaitKind::kLock) continue;
    const auto known =
        std::any_of(snapshot.locks.begin(), snapshot.locks.end(),
                    [&](const auto& each) { return each.object == thread.wait.object; });
    if (known) continue;
    snapshot::Lock lock;
    lock.object = thread.wait.object;
    const auto recursive =
        process.objects().is_instance(lock.object, process.landmarks().type(TypeMark::kRLock));
    lock.kind = recursive ? snapshot::LockKind::kRecursiveLock : snapshot::LockKind::kLock;
    lock.locked = is_locked(process, lock.object);
    if (lock.locked && recursive) find_owner(process, lock);
    if (lock.locked && !recursive) find_with_holder(process, lock);
    snapshot.locks.push_back(std::move(lock));
  }
}

}  // namespace hangspy::sync
