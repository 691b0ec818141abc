// The thread that traces, and that copies meanwhile: a hand-over would only lengthen the stop.
#include "target/ptrace_stop.hpp"

#include <pthread.h>
#include <sys/prctl.h>

#include <csignal>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "target/tracees.hpp"

namespace hangspy::target {
namespace {

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

Result<void> trace(Tracees& tracees, const CopyStopped& copy) {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // or each short sleep takes 50 us more
  HANGSPY_CHECK(tracees.stop_all());
  auto copied = copy(tracees.states());
  tracees.detach_all();
  return copied;
}

}  // namespace

Result<Stopped> while_stopped(const ProcDir& process, const CopyStopped& copy) {
  Tracees tracees(process);
  Result<void> outcome;
  try {
    std::thread tracer;
    {
      const AllSignalsBlocked blocked;
      tracer = std::thread([&] { outcome = trace(tracees, copy); });
    }
    tracer.join();
  } catch (const std::system_error& error) {
    // No room for its stack is no memory, too.
    if (const auto out_of_memory = std::get_new_handler()) out_of_memory();
    return fail(Failure::kLimit, std::string("cannot start the tracing thread: ") + error.what());
  }
  if (!outcome) return tl::unexpected(std::move(outcome.error()));
  return Stopped{tracees.take_states(), tracees.paused_microseconds()};
}

}  // namespace hangspy::target
