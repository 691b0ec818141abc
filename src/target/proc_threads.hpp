// What each thread of a live process is doing, without touching it.
#pragma once

#include <string_view>
#include <vector>

#include "hangspy/result.hpp"
#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {

// Every thread, sorted by tid. Of each, first its run counter, then its system call: a thread that
// runs in between is caught by one of the two. (The counter of a thread on a CPU stands still;
// "running" is what gives it away.) A thread that ends meanwhile is left out.
// Errors: kGone, kPermission, kLimit.
[[nodiscard]] Result<std::vector<ThreadState>> read_threads(const ProcDir& process);

// /proc/PID/task/TID/syscall into `state`: "running", "-1 SP PC", or "NR six arguments SP PC".
[[nodiscard]] Result<void> parse_syscall(std::string_view text, ThreadState& state);

// How often the thread was scheduled in: the third field of schedstat, or, where the kernel keeps
// no such statistics (no file, all zero), its context switches as `status` counts them.
[[nodiscard]] std::optional<std::uint64_t> run_counter(std::string_view schedstat,
                                                       std::string_view status);

// The nanoseconds that the thread spent on a processor: the first field of schedstat. Absent where
// the kernel keeps none.
[[nodiscard]] std::optional<std::uint64_t> run_time(std::string_view schedstat);

}  // namespace hangspy::target
