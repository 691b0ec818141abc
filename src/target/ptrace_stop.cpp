// The thread that traces, and the hand-over with the one that reads memory meanwhile.
#include "target/ptrace_stop.hpp"

#include <sys/prctl.h>

#include <csignal>
#include <optional>
#include <semaphore>
#include <system_error>
#include <thread>
#include <utility>

#include "target/tracees.hpp"

namespace hangspy::target {
namespace {

class PtraceStop final : public Stop {
 public:
  explicit PtraceStop(const ProcDir& process) : tracees_(process) {}
  ~PtraceStop() override { release(); }

  [[nodiscard]] Result<void> begin();
  [[nodiscard]] const std::vector<ThreadState>& threads() const override {
    return tracees_.states();
  }
  std::uint64_t release() override;

 private:
  void trace();

  Tracees tracees_;
  Result<void> outcome_;
  std::binary_semaphore stopped_{0};
  std::binary_semaphore let_go_{0};
  std::thread tracer_;
};

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

Result<void> PtraceStop::begin() {
  try {
    const AllSignalsBlocked blocked;
    tracer_ = std::thread([this] { trace(); });
  } catch (const std::system_error& error) {
    return fail(Failure::kLimit, std::string("cannot start the tracing thread: ") + error.what());
  }
  stopped_.acquire();
  if (!outcome_) tracer_.join();
  return outcome_;
}

void PtraceStop::trace() {
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // or each short sleep takes 50 us more
  outcome_ = tracees_.stop_all();
  const bool holds = outcome_.has_value();
  stopped_.release();
  if (!holds) return;
  let_go_.acquire();
  tracees_.detach_all();
}

std::uint64_t PtraceStop::release() {
  if (tracer_.joinable()) {
    let_go_.release();
    tracer_.join();
  }
  return tracees_.paused_microseconds();
}

}  // namespace

Result<std::unique_ptr<Stop>> stop_all(const ProcDir& process) {
  auto stop = std::make_unique<PtraceStop>(process);
  HANGSPY_CHECK(stop->begin());
  return std::unique_ptr<Stop>(std::move(stop));
}

}  // namespace hangspy::target
