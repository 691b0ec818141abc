// Thread.join. Up to 3.12 it takes the lock that the other thread holds until its end
// (`_tstate_lock`, in Thread._wait_for_tstate_lock); from 3.13 on it parks on the event in the
// thread's handle. Source: Lib/threading.py, Modules/_threadmodule.c (ThreadHandle_join).
#include "sync/futex.hpp"
#include "sync/reads.hpp"

namespace hangspy::sync {

ThreadWait join_wait(const python::Process& process, const python::RawThread& thread) {
  using python::Mark;
  std::uint32_t index = 0;
  if (index < thread.marks.size() && thread.marks[index] == Mark::kWaitForThreadLock) ++index;
  if (index >= thread.marks.size() || thread.marks[index] != Mark::kThreadJoin) return std::nullopt;
  const auto joined = process.frames().local(thread.frames[index], "self");
  if (!joined || !*joined) return std::nullopt;
  for (const auto* name : {"_tstate_lock", "_handle"}) {
    const auto held = process.objects().find(**joined, name);
    if (!held || !*held || !parked_on(process, thread, **held)) continue;
    return snapshot::ThreadWait{.kind = snapshot::WaitKind::kJoin,
                                .object = **joined,
                                .frame = index + 1,
                                .timed = futex_of(thread)->timed,
                                .evidence = {"frame", "futex"}};
  }
  return std::nullopt;
}

}  // namespace hangspy::sync
