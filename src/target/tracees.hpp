// The threads that one tracing thread holds. Every call but collect_ended() and is_late() must
// come from that thread; see ptrace_stop.hpp for why it is a thread of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "elf/file.hpp"
#include "hangspy/result.hpp"
#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {

class Tracees {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Tracees(const ProcDir& process) : process_(process) {}

  // Makes room, warms (which may be empty), and stops every thread; or lets go of all that has
  // stopped and says why not. Errors: kGone, kPermission, kLimit, and those of `warm`.
  [[nodiscard]] Result<void> stop_all(const std::function<Result<void>()>& warm);
  // Sorted by tid, with registers.
  [[nodiscard]] const std::vector<ThreadState>& states() const { return states_; }
  [[nodiscard]] std::vector<ThreadState> take_states() { return std::move(states_); }
  // Lets every stopped thread go, with the signal that it was about to get.
  void detach_all();
  // From any thread of hangspy, at any time: collects the seized threads that have ended. A process
  // that executes another program ends all its threads but one, and waits until they have been
  // collected (de_thread, fs/exec.c). Meanwhile it holds what a seizure waits for, so the tracing
  // thread cannot do it (ptrace(2), BUGS; cred_guard_mutex in ptrace_attach, kernel/ptrace.c).
  void collect_ended() const;
  // From any thread, too: whether stopping them takes too long, so that a seizure that is waited
  // for has to be broken off.
  [[nodiscard]] bool is_late() const { return Clock::now() > deadline_.load(); }
  // From the first interrupt to the last detach; 0 when nothing was interrupted.
  [[nodiscard]] std::uint64_t paused_microseconds() const;

 private:
  enum class Hold { kListed, kSeized, kStopped, kGone };
  struct Tracee {
    Tid tid = 0;
    Hold hold = Hold::kListed;
    int signal = 0;  // that it was about to get when it stopped; goes with it on detach
  };

  [[nodiscard]] Result<void> open_listing();
  [[nodiscard]] Result<void> stop_to_fixed_point();
  [[nodiscard]] Result<std::size_t> list_new();
  [[nodiscard]] Result<void> seize(Tracee& tracee);
  [[nodiscard]] Error why_not_seized(Tid tid, int reason) const;
  void publish(Tid tid);
  void interrupt(Tracee& tracee);
  [[nodiscard]] Result<void> wait_for_all();
  [[nodiscard]] bool poll_once();
  void note_status(Tracee& tracee, int status);
  void ask_again();
  [[nodiscard]] bool has_ended(Tid tid) const;
  [[nodiscard]] bool is_held_here(Tid tid) const;
  void read_registers();

  const ProcDir& process_;
  elf::Descriptor listing_;
  std::vector<char> listing_buffer_;
  std::vector<Tracee> tracees_;  // sorted by tid
  std::vector<ThreadState> states_;
  std::vector<Tid> seized_;  // room for them; filled to
  std::atomic<std::size_t> seized_count_ = 0;
  std::atomic<Clock::time_point> deadline_ = Clock::time_point::max();  // while they are stopped
  std::optional<Clock::time_point> interrupted_;
  Clock::time_point detached_;
};

}  // namespace hangspy::target
