// A child process to look at: it runs a function, says when it is ready, and is ended by its own
// pid whatever becomes of the test.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {

// Numbers that the child tells the test: addresses and tids.
using Told = std::array<std::uint64_t, 4>;

class Child {
 public:
  // `run` calls the function it is given once the child is as it should be, then goes on.
  explicit Child(const std::function<void(const std::function<void(Told)>&)>& run) {
    int ends[2];
    EXPECT_EQ(::pipe(ends), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::close(ends[0]);
      run([&](const Told& told) {
        if (::write(ends[1], &told, sizeof(told)) != sizeof(told)) ::_exit(1);
      });
      ::_exit(0);
    }
    ::close(ends[1]);
    EXPECT_EQ(::read(ends[0], &told_, sizeof(told_)), static_cast<ssize_t>(sizeof(told_)));
    ::close(ends[0]);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { end(); }

  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] Tid pid() const { return pid_; }
  [[nodiscard]] std::uint64_t told(std::size_t index) const { return told_.at(index); }

 private:
  Tid pid_ = 0;
  Told told_{};
};

inline Tid own_tid() {
  return static_cast<Tid>(::syscall(SYS_gettid));
}

[[noreturn]] inline void sleep_for_ever() {
  for (;;) ::pause();
}

// Tries for up to five seconds: what was asked for shows in /proc only after a moment.
inline bool eventually(const std::function<bool()>& holds) {
  for (int round = 0; round < 500; ++round) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

inline const ThreadState* find_thread(const std::vector<ThreadState>& states, std::uint64_t tid) {
  const auto found = std::ranges::find(states, static_cast<Tid>(tid), &ThreadState::tid);
  return found == states.end() ? nullptr : &*found;
}

// Waits until `count` threads of the process are asleep in a system call.
inline bool comes_to_rest(Tid pid, std::ptrdiff_t count) {
  const auto target = open_live(pid);
  return target && eventually([&] {
           const auto states = (*target)->threads();
           return states && std::ranges::count(*states, Activity::kInSyscall,
                                               &ThreadState::activity) >= count;
         });
}

inline char state_of_process(Tid pid) {
  return ProcDir::open(pid).value().stat().value().state;
}

inline std::string tracer_of(Tid pid) {
  const std::string status = ProcDir::open(pid).value().read("status").value();
  return std::string(status_field(status, "TracerPid"));
}

inline Result<void> copy_nothing(std::span<const ThreadState>) {
  return {};
}

// One 64-bit value of the target.
inline Result<std::uint64_t> peek(const Target& target, std::uint64_t at) {
  const std::array<Address, 1> page{Address{at / kPageSize * kPageSize}};
  std::array<std::byte, kPageSize> bytes;
  HANGSPY_TRY(unread, target.fetch(page, bytes));
  if (!unread.empty()) return fail(Failure::kUnmapped, to_hex({at}));
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + at % kPageSize, sizeof(value));
  return value;
}

}  // namespace hangspy::target
