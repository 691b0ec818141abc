// What each thread waits for, asked of every kind in turn, and the order of all reads.
#include "sync/futex.hpp"
#include "sync/moving.hpp"
#include "sync/reads.hpp"

namespace hangspy::sync {

using snapshot::WaitKind;

ThreadWait outside_wait(const python::RawThread& thread) {
  if (thread.kernel.activity != target::Activity::kInSyscall) return std::nullopt;
  if (futex_of(thread)) {
    return snapshot::ThreadWait{.kind = WaitKind::kNativeFutex,
                                .timed = futex_of(thread)->timed,
                                .evidence = {"system call futex"}};
  }
  return snapshot::ThreadWait{.kind = WaitKind::kOutside,
                              .evidence = {"system call " + syscall_name(thread.kernel.syscall)}};
}

snapshot::ThreadWait thread_wait(const python::Process& process, const python::RawThread& thread) {
  if (thread.kernel.activity != target::Activity::kInSyscall || waits_for_gil(process, thread)) {
    return {};
  }
  for (const auto& wait : {event_loop_wait(process, thread), condition_wait(process, thread),
                           join_wait(process, thread), thread_pool_wait(process, thread),
                           lock_wait(process, thread), outside_wait(thread)}) {
    if (wait) return *wait;
  }
  return {};
}

void read_all(python::Process& process, snapshot::Snapshot& snapshot) {
  snapshot.missing = process.missing();
  for (const auto& thread : process.threads()) {
    snapshot::Thread fact;
    const auto torn = read_moving(process, snapshot, thread.may_move(), [&] {
      fact = process.describe(thread);
      fact.wait = thread_wait(process, thread);
    });
    fact.moves = fact.moves || torn;
    snapshot.threads.push_back(std::move(fact));
  }
  read_event_loops(process, snapshot);
  read_thread_pools(process, snapshot);
  read_current_thread_executors(process, snapshot);
  read_futures(process, snapshot);
  read_async_to_sync(process, snapshot);
  read_concurrent_futures(process, snapshot);
  read_locks(process, snapshot);
  read_references(process, snapshot);
  if (const auto torn = process.unexplained(); torn != 0) {
    snapshot.missing.push_back(std::to_string(torn) + " reads of what changed just then");
  }
  // Whatever was refused may have been taken for a thing that is not there.
  if (process.objects().memory().has_refused()) {
    snapshot.missing.emplace_back("memory over a bound of hangspy's own");
  }
  snapshot.tasks = process.take_tasks();
}

}  // namespace hangspy::sync
