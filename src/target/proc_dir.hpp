// A process by its /proc directory.
//
// The directory is opened once; what is opened below it belongs to that process for ever, even
// after the pid was given to another (the kernel then answers ESRCH). So no pid is trusted twice.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "elf/file.hpp"
#include "hangspy/result.hpp"
#include "hangspy/target.hpp"

namespace hangspy::target {

// The fields of /proc/PID/stat that are used here.
struct Stat {
  char state = '?';              // R S D T t Z X I ...
  Tid parent = 0;                // its parent's pid
  std::uint64_t start_time = 0;  // clock ticks since boot

  // Whether it runs no more and only waits to be collected.
  [[nodiscard]] bool ended() const { return state == 'Z' || state == 'X' || state == 'x'; }
};
// Parses from the last ')': the name before it may hold anything, parentheses and newlines too.
[[nodiscard]] Result<Stat> parse_stat(std::string_view text);

// The value after "Key:" in a file like /proc/PID/status, without blanks; empty when not there.
[[nodiscard]] std::string_view status_field(std::string_view status, std::string_view key);

// The number at the front of `text`, which may be followed by anything but a digit.
[[nodiscard]] Result<std::uint64_t> parse_number(std::string_view text, int base = 10);

class ProcDir {
 public:
  // Errors: kNoProcess.
  [[nodiscard]] static Result<ProcDir> open(Tid pid);

  [[nodiscard]] Tid pid() const { return pid_; }
  [[nodiscard]] int descriptor() const { return directory_.number(); }

  // The text of a file below the directory ("stat", "task/4182/syscall"), at most `limit` bytes.
  // Errors: kGone when the process or thread has ended, kPermission, kFile, kLimit.
  [[nodiscard]] Result<std::string> read(const std::string& name,
                                         std::size_t limit = std::size_t{64} * 1024) const;
  [[nodiscard]] Result<Stat> stat() const;
  // The threads, sorted. Errors: kGone, kLimit.
  [[nodiscard]] Result<std::vector<Tid>> threads() const;
  // Any thread that still lives, for when the main thread has ended before the others and /proc
  // shows nothing of it. The main thread when that lives. Errors: kGone.
  [[nodiscard]] Result<Tid> live_thread() const;

 private:
  ProcDir(Tid pid, elf::Descriptor directory);

  Tid pid_ = 0;
  elf::Descriptor directory_;
};

// "task/4197/NAME"
[[nodiscard]] std::string of_thread(Tid tid, std::string_view name);

// More threads than any process has here.
inline constexpr std::size_t kMaxThreads = 100'000;

}  // namespace hangspy::target
