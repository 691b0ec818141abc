// Seize, interrupt, wait, read registers, detach. While anything is stopped, nothing is allocated
// and no file is opened, but for threads that were born meanwhile, or do not stop.
#include "target/tracees.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "target/permission.hpp"
#include "target/registers.hpp"
#include "target/seizure.hpp"

namespace hangspy::target {
namespace {

using namespace std::chrono_literals;

constexpr auto kDeadline = 1s;
constexpr std::size_t kRoomForNewThreads = 1024;
constexpr const char* kOtherMode =
    "nothing was changed; read it without a stop, with --pause never";

// ptrace takes a pid, a pointer that is often none, and data that is often a number.
long trace(__ptrace_request request, Tid tid, void* data) {
  return ::ptrace(request, tid, nullptr, data);
}

void* as_data(int number) {
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(number));  // NOLINT
}

void pause_for(std::chrono::nanoseconds time) {
  const timespec length{0, static_cast<long>(time.count())};
  ::nanosleep(&length, nullptr);
}

}  // namespace

Result<void> Tracees::stop_all(const std::function<Result<void>()>& warm) {
  HANGSPY_CHECK(open_listing());
  if (warm) HANGSPY_CHECK(warm());
  deadline_ = Clock::now() + kDeadline;
  auto stopped = stop_to_fixed_point();
  deadline_ = Clock::time_point::max();
  seized_count_ = 0;  // who stands still does not end, but by SIGKILL
  if (!stopped) detach_all();
  return stopped;
}

// Everything known is stopped before the list is read again, so only threads unknown so far can
// have made new ones; each round leaves fewer of them.
Result<void> Tracees::stop_to_fixed_point() {
  for (;;) {
    HANGSPY_TRY(found, list_new());
    if (found == 0) break;
    for (Tracee& each : tracees_) {
      if (each.hold == Hold::kListed) HANGSPY_CHECK(seize(each));
    }
    for (Tracee& each : tracees_) {
      if (each.hold == Hold::kSeized) interrupt(each);
    }
    HANGSPY_CHECK(wait_for_all());
  }
  read_registers();
  if (states_.empty()) {
    return fail(Failure::kGone, "process " + std::to_string(process_.pid()) +
                                    " ended, or became another, before it could be stopped");
  }
  return {};
}

// Room for everything is made here, before the first thread stands still.
Result<void> Tracees::open_listing() {
  HANGSPY_TRY(tids, process_.threads());
  tracees_.reserve(2 * tids.size() + kRoomForNewThreads);
  states_.reserve(2 * tids.size() + kRoomForNewThreads);
  seized_.resize(2 * tids.size() + kRoomForNewThreads);
  listing_buffer_.resize(std::size_t{32} * 1024);
  listing_ =
      elf::Descriptor(::openat(process_.descriptor(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (listing_) return {};
  return fail(Failure::kGone, "process " + std::to_string(process_.pid()) + " has ended");
}

// How many threads are listed that were not known. readdir allocates, so getdents64 itself.
Result<std::size_t> Tracees::list_new() {
  const std::size_t known = tracees_.size();
  const auto by_tid = [](const Tracee& a, const Tracee& b) { return a.tid < b.tid; };
  if (::lseek(listing_.number(), 0, SEEK_SET) != 0) {
    return fail(Failure::kGone, "process " + std::to_string(process_.pid()) + " has ended");
  }
  for (;;) {
    const ssize_t length =
        ::getdents64(listing_.number(), listing_buffer_.data(), listing_buffer_.size());
    if (length <= 0) break;  // the end, or the process has ended: then nothing of it is new
    for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
      dirent64 entry{};
      std::memcpy(&entry, &listing_buffer_[at], offsetof(dirent64, d_name));
      const Tid tid = std::atoi(&listing_buffer_[at + offsetof(dirent64, d_name)]);
      at += entry.d_reclen;
      const Tracee candidate{tid};
      const auto end_of_known = tracees_.begin() + static_cast<std::ptrdiff_t>(known);
      if (tid == 0 || std::binary_search(tracees_.begin(), end_of_known, candidate, by_tid))
        continue;
      if (tracees_.size() >= kMaxThreads) {
        return fail(Failure::kLimit, "more threads than can be stopped");
      }
      tracees_.push_back(candidate);
    }
  }
  const std::size_t found = tracees_.size() - known;
  if (found != 0) std::sort(tracees_.begin(), tracees_.end(), by_tid);
  if (found != 0 && is_late()) {
    return fail(Failure::kLimit, "process " + std::to_string(process_.pid()) +
                                     " makes threads faster than they can be stopped");
  }
  return found;
}

Result<void> Tracees::seize(Tracee& tracee) {
  constexpr int kTries = 2;
  int reason = 0;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    reason = seize_thread(tracee.tid);
    if (reason == 0) {
      tracee.hold = Hold::kSeized;
      publish(tracee.tid);
      return {};
    }
    if (reason == ECANCELED) break;
    // The kernel also says EPERM of a thread that is ending, or that has ended and waits to be
    // collected, as a main thread does that ended first.
    if (reason == ESRCH || has_ended(tracee.tid)) {
      tracee.hold = Hold::kGone;
      return {};
    }
    // And of a main thread that made way for the one that executes another program, and now has
    // its tid: that may have been seized before under its own, or can be now.
    if (reason == EPERM && is_held_here(tracee.tid)) {
      tracee.hold = Hold::kSeized;
      return {};
    }
  }
  return tl::unexpected(why_not_seized(tracee.tid, reason));
}

Error Tracees::why_not_seized(Tid tid, int reason) const {
  if (reason == EPERM) return explain_refusal(process_, Access::kStop, tid);
  if (reason == ECANCELED) {
    return {Failure::kLimit,
            "process " + std::to_string(process_.pid()) +
                " could not be seized within a second (it executes another program)",
            kOtherMode};
  }
  return {Failure::kPermission,
          "cannot stop thread " + std::to_string(tid) + ": " + std::strerror(reason)};
}

// For collect_ended().
void Tracees::publish(Tid tid) {
  const std::size_t count = seized_count_.load(std::memory_order_relaxed);
  if (count == seized_.size()) return;
  seized_[count] = tid;
  seized_count_.store(count + 1, std::memory_order_release);
}

// Only looked at first: the stops that a wait reports are for the tracing thread.
void Tracees::collect_ended() const {
  const std::size_t count = seized_count_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    siginfo_t info{};
    const auto wait = [&](int flags) {
      return ::waitid(P_PID, static_cast<id_t>(seized_[i]), &info,
                      WEXITED | WNOHANG | __WALL | flags);
    };
    if (wait(WNOWAIT) != 0 || info.si_pid == 0) continue;
    const bool ended =
        info.si_code == CLD_EXITED || info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED;
    if (ended) wait(0);
  }
}

// An error means that the thread is ending; then the wait will tell.
void Tracees::interrupt(Tracee& tracee) {
  if (!interrupted_) interrupted_ = Clock::now();
  trace(PTRACE_INTERRUPT, tracee.tid, nullptr);
}

Result<void> Tracees::wait_for_all() {
  constexpr int kYields = 16;
  constexpr auto kLongest = 50us;
  std::chrono::nanoseconds sleep = 4us;
  for (int round = 0; poll_once(); ++round) {
    if (is_late()) {
      return fail(Failure::kLimit,
                  "a thread of process " + std::to_string(process_.pid()) +
                      " did not stop within a second (uninterruptible sleep)",
                  kOtherMode);
    }
    if (round % 64 == 63) ask_again();
    if (round < kYields) {
      ::sched_yield();
    } else {
      pause_for(sleep);
      sleep = std::min<std::chrono::nanoseconds>(sleep * 2, kLongest);
    }
  }
  return {};
}

// Whether any thread has still not stopped.
bool Tracees::poll_once() {
  bool waiting = false;
  for (Tracee& each : tracees_) {
    if (each.hold != Hold::kSeized) continue;
    int status = 0;
    const Tid tid = ::waitpid(each.tid, &status, __WALL | __WNOTHREAD | WNOHANG);
    if (tid == each.tid) {
      note_status(each, status);
    } else if (tid < 0 && errno == ECHILD) {
      each.hold = Hold::kGone;
    }
    waiting = waiting || each.hold == Hold::kSeized;
  }
  return waiting;
}

// A stop with an event is ours, or the job control stop of its whole process, which goes on after
// the detach. A stop without is a signal that it is about to get: it stands still as well, and
// takes the signal along when it goes.
void Tracees::note_status(Tracee& tracee, int status) {
  if (!WIFSTOPPED(status)) {
    tracee.hold = Hold::kGone;
    return;
  }
  tracee.hold = Hold::kStopped;
  const bool has_event = (status >> 16) != 0;
  tracee.signal = has_event ? 0 : WSTOPSIG(status);
}

// A main thread that ends before the others is reported only when they have ended too. One that
// has executed another program meanwhile has the tid of a thread that took the interrupt along.
void Tracees::ask_again() {
  for (Tracee& each : tracees_) {
    if (each.hold != Hold::kSeized) continue;
    if (has_ended(each.tid)) {
      each.hold = Hold::kGone;
    } else {
      interrupt(each);
    }
  }
}

bool Tracees::has_ended(Tid tid) const {
  const auto text = process_.read(of_thread(tid, "stat"));
  if (!text) return text.error().failure == Failure::kGone;
  const auto stat = parse_stat(*text);
  return stat && stat->ended();
}

bool Tracees::is_held_here(Tid tid) const {
  const auto status = process_.read(of_thread(tid, "status"));
  return status &&
         parse_number(status_field(*status, "TracerPid")) == static_cast<std::uint64_t>(::gettid());
}

void Tracees::read_registers() {
  for (Tracee& each : tracees_) {
    if (each.hold != Hold::kStopped) continue;
    user_regs_struct registers{};
    if (trace(PTRACE_GETREGS, each.tid, &registers) == 0) {
      states_.push_back(state_of(each.tid, registers));
    } else {
      each.hold = Hold::kGone;  // killed while it stood
    }
  }
}

void Tracees::detach_all() {
  for (Tracee& each : tracees_) {
    if (each.hold != Hold::kStopped) continue;
    trace(PTRACE_DETACH, each.tid, as_data(each.signal));
    each.hold = Hold::kGone;
  }
  detached_ = Clock::now();
}

std::uint64_t Tracees::paused_microseconds() const {
  if (!interrupted_) return 0;
  const auto paused = detached_ - *interrupted_;
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(paused).count());
}

}  // namespace hangspy::target
