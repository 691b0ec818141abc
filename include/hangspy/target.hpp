// A target is bytes and threads: it reads memory, lists maps, and lists threads with what each was
// doing. A live process and a core file are the two real ones; nothing here knows of Python.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hangspy/result.hpp"
#include "hangspy/text.hpp"

namespace hangspy::target {

using Tid = std::int32_t;

inline constexpr std::uint64_t kPageSize = 4096;

// One mapping, as /proc/PID/maps or the core's notes and segments name it.
struct Mapping {
  Address begin;
  Address end;
  std::uint64_t file_offset = 0;
  bool readable = false;
  bool writable = false;
  bool executable = false;
  bool is_private = false;
  Text path;  // empty for anonymous memory
};

// What a thread was doing. `kRunning` is a thread on a CPU or ready for one.
enum class Activity : std::uint8_t { kRunning, kInSyscall, kUnknown };

struct ThreadState {
  Tid tid = 0;
  Tid namespace_tid = 0;  // what the thread itself sees: its id in its own pid namespace
  Activity activity = Activity::kUnknown;
  std::int64_t syscall = -1;                 // number, x86-64; valid when kInSyscall
  std::array<std::uint64_t, 6> arguments{};  // of that system call
  std::uint64_t fs_base = 0;                 // pthread_self; 0 where it was not read
  std::uint64_t stack_pointer = 0;           // 0 where it was not read
  std::uint64_t instruction_pointer = 0;     // 0 where it was not read
  std::uint64_t frame_pointer = 0;           // rbp; 0 where it was not read
  std::optional<std::uint64_t> run_counter;  // times it was scheduled in; absent in a core
  // Nanoseconds it spent on a processor, as the kernel last counted them: of one that is on it now
  // at the kernel's latest tick (Documentation/scheduler/sched-stats.rst). Absent in a core.
  std::optional<std::uint64_t> run_time;
  bool ran = false;  // of one that was stopped: it ran just before
};

// Whole pages, by address; the unit of reading and of remembering.
struct Page {
  Address at;  // a multiple of kPageSize
  std::array<std::byte, kPageSize> bytes;
};

// Where the bytes come from. fetch() is the only call that touches the target.
class Target {
 public:
  Target() = default;
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;
  virtual ~Target() = default;

  enum class Kind : std::uint8_t { kLive, kCore };
  [[nodiscard]] virtual Kind kind() const = 0;
  // The process id (of a core: the one that died).
  [[nodiscard]] virtual Tid pid() const = 0;
  // Sorted by address. Taken when the target was opened; refresh() takes them anew.
  [[nodiscard]] virtual const std::vector<Mapping>& mappings() const = 0;
  [[nodiscard]] virtual Result<void> refresh() = 0;
  // Every thread, sorted by tid, with its activity at this moment (of a core: at its end).
  [[nodiscard]] virtual Result<std::vector<ThreadState>> threads() const = 0;
  // Copies the pages at `pages` (each a multiple of kPageSize) to `out`, which is as many pages
  // long. A page that cannot be read is named in the result by its index and left untouched.
  [[nodiscard]] virtual Result<std::vector<std::size_t>> fetch(std::span<const Address> pages,
                                                               std::span<std::byte> out) const = 0;
  // The path under which hangspy can open the file that is mapped at `mapping` (through the
  // target's own root), or why there is none. The caller compares build ids before trusting it.
  [[nodiscard]] virtual Result<std::filesystem::path> file_behind(const Mapping& mapping) const = 0;
  // The same for any absolute path of the target: a file beside one of its modules, say.
  [[nodiscard]] virtual Result<std::filesystem::path> file_at(const Text& path) const = 0;
};

// What is done while a process stands still: it is given the threads, with registers, sorted by
// tid. It must neither open nor allocate, since every microsecond is the worker's.
using CopyStopped = std::function<Result<void>(std::span<const ThreadState>)>;

// What is to be done at a stop.
struct StopWork {
  CopyStopped copy;
  // Done just before, while nothing is stopped yet, by the thread that will copy: what it leaves in
  // the caches of that processor makes the copy faster. May be empty. Its error ends the stop.
  std::function<Result<void>()> warm;
};

// What a stop found out.
struct Stopped {
  std::vector<ThreadState> threads;  // as they stood
  std::uint64_t pause_us = 0;        // from the first interrupt to the last detach
};

// Who else has a hand on a live process.
struct Restraint {
  Tid tracer = 0;      // the pid of who traces it; 0 for nobody
  Text tracer_name;    // its command name
  std::string halted;  // why no thread of it can run ("frozen by its cgroup"); empty when they can
};

// A live process, which can be stopped. Nothing is ever written to it, no signal is sent to it.
class LiveTarget : public Target {
 public:
  // PTRACE_SEIZE and PTRACE_INTERRUPT on all threads, to the fixed point of the thread list; then
  // the copy is made, on another thread of ours, and everything is let go. Every wait has a
  // deadline. On an error, of the work too, everything seized has been let go again.
  [[nodiscard]] virtual Result<Stopped> stop(const StopWork& work) = 0;
  // Asked of a thread that lives, the main thread where that does. Errors: kGone.
  [[nodiscard]] virtual Result<Restraint> restraint() const = 0;
  // Whether this is still the process that was opened (its start time is compared).
  [[nodiscard]] virtual Result<void> still_there() const = 0;
};

// Opens the process `pid`. Errors: kNoProcess, kPermission with what is missing (uid,
// ptrace_scope, capability, another tracer by its pid).
[[nodiscard]] Result<std::unique_ptr<LiveTarget>> open_live(Tid pid);

struct CoreOptions {
  std::filesystem::path core;
  std::optional<std::filesystem::path> executable;  // stands for the main executable's path
  std::optional<std::filesystem::path> sysroot;     // prefix of every file that the core names
};
// Opens an ELF core file (gcore's or the kernel's; x86-64, uncompressed). Errors: kFile.
[[nodiscard]] Result<std::unique_ptr<Target>> open_core(const CoreOptions& options);

// The private writable pages of `pid` that are in memory, by /proc/PID/pagemap. Others were never
// touched, and reading them would only map zero pages into the target; or they are swapped out, and
// reading would bring back what nobody uses. A mapping of 16 GB or more is left out: it is
// reserved, not used. Errors: kLimit over `max_bytes`, or where all these mappings take more than
// 64 GB; kPermission.
[[nodiscard]] Result<std::vector<Address>> resident_pages(Tid pid,
                                                          const std::vector<Mapping>& mappings,
                                                          std::uint64_t max_bytes);

// The pids of the children of `pid` (from /proc), for a supervisor's answer.
[[nodiscard]] Result<std::vector<Tid>> children_of(Tid pid);

}  // namespace hangspy::target
