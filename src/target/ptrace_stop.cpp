// The thread that traces, and that copies meanwhile: a hand-over would only lengthen the stop.
#include "target/ptrace_stop.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

#include <chrono>
#include <csignal>
#include <future>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "target/seizure.hpp"
#include "target/tracees.hpp"

namespace hangspy::target {
namespace {

// Longer than nearly all stops take.
constexpr std::chrono::milliseconds kBetweenLooks{10};

// Signals sent to hangspy are for its other threads: Ctrl-C must not land in the one that holds
// the worker. A new thread inherits its maker's mask.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

// A new thread is put on another processor, if there is one: it would take that of a thread of the
// worker, and would have to warm its caches. A thread that is made meanwhile begins on this one,
// and runs when its maker waits for it.
class OnThisProcessor {
 public:
  OnThisProcessor() {
    const int here = ::sched_getcpu();
    if (here < 0 || here >= CPU_SETSIZE || ::sched_getaffinity(0, sizeof(before_), &before_) != 0)
      return;
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET(here, &only);
    is_bound_ = ::sched_setaffinity(0, sizeof(only), &only) == 0;
  }
  OnThisProcessor(const OnThisProcessor&) = delete;
  OnThisProcessor& operator=(const OnThisProcessor&) = delete;
  ~OnThisProcessor() { leave(); }

  // Lets the calling thread go anywhere again.
  void leave() const {
    if (is_bound_) ::sched_setaffinity(0, sizeof(before_), &before_);
  }

 private:
  cpu_set_t before_{};
  bool is_bound_ = false;
};

Result<void> trace(Tracees& tracees, const StopWork& work) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // or each short sleep takes 50 us more
  let_be_broken_off();
  HANGSPY_CHECK(tracees.stop_all(work.warm));
  auto copied = work.copy(tracees.states());
  tracees.detach_all();
  return copied;
}

using Work = std::packaged_task<Result<void>()>;

Result<std::thread> start_tracing(Work work) {
  try {
    const AllSignalsBlocked blocked;
    return std::thread(std::move(work));
  } catch (const std::system_error& error) {
    // No room for its stack is no memory, too.
    if (const auto out_of_memory = std::get_new_handler()) out_of_memory();
    return fail(Failure::kLimit, std::string("cannot start the tracing thread: ") + error.what());
  }
}

}  // namespace

Result<Stopped> while_stopped(const ProcDir& process, const StopWork& work) {
  Tracees tracees(process);
  const OnThisProcessor here;
  Work task([&] {
    here.leave();
    return trace(tracees, work);
  });
  auto traced = task.get_future();
  HANGSPY_TRY(tracer, start_tracing(std::move(task)));
  here.leave();
  while (traced.wait_for(kBetweenLooks) != std::future_status::ready) {
    tracees.collect_ended();
    if (tracees.is_late()) break_off(tracer.native_handle());
  }
  tracer.join();
  HANGSPY_CHECK(traced.get());
  return Stopped{tracees.take_states(), tracees.paused_microseconds()};
}

}  // namespace hangspy::target
