// The handler leaves by siglongjmp, from a system call to the function that made it.
#include "target/seizure.hpp"

#include <sys/ptrace.h>

#include <cerrno>
#include <csetjmp>
#include <csignal>

namespace hangspy::target {
namespace {

constexpr int kSignal = SIGUSR2;
thread_local sigjmp_buf* volatile seizing = nullptr;

// It stays blocked from then on: the thread has to end.
void leave_the_seizure(int) {
  if (seizing != nullptr) ::siglongjmp(*seizing, 1);
}

}  // namespace

void let_be_broken_off() {
  struct sigaction action{};
  action.sa_handler = leave_the_seizure;
  ::sigaction(kSignal, &action, nullptr);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, kSignal);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
}

int seize_thread(Tid tid) {
  sigjmp_buf here;
  if (sigsetjmp(here, 0) != 0) {
    seizing = nullptr;
    return ECANCELED;
  }
  seizing = &here;
  const bool seized = ::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0;
  seizing = nullptr;
  return seized ? 0 : errno;
}

void break_off(pthread_t thread) {
  ::pthread_kill(thread, kSignal);
}

}  // namespace hangspy::target
