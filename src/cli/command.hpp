// The command line: what was asked for, and what the shell gets back.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "hangspy/report.hpp"
#include "hangspy/session.hpp"

namespace hangspy::cli {

inline constexpr int kCouldNotRun = 2;
inline constexpr int kBug = 70;  // EX_SOFTWARE

enum class Action : std::uint8_t { kLive, kCore, kExplain };
enum class Format : std::uint8_t { kText, kJson };

struct Command {
  Action action = Action::kLive;
  target::Tid pid = 0;
  target::CoreOptions core;
  std::string rule;  // of explain; empty lists all
  session::Options session;
  Format format = Format::kText;
  report::Options report;
  int verbosity = 0;
  std::optional<std::uint64_t> max_memory;       // bytes of hangspy's own; every parsed line has it
  std::optional<std::set<std::string>> fail_on;  // verdicts that keep their exit code
  bool exit_zero = false;
  bool sandbox = false;  // of a line that was parsed: true unless it says otherwise
};

// Either a command, or the exit code of a line that is done already (--help, --version, an error).
struct Parsed {
  std::optional<Command> command;
  int exit_code = 0;
};
[[nodiscard]] Parsed parse(int argc, const char* const* argv);

// Runs the command and prints its report on stdout, errors on stderr. Returns the exit code.
[[nodiscard]] int run(const Command& command);

// The exit code of a verdict under --fail-on and --exit-zero.
[[nodiscard]] int exit_code(const Command& command, diagnosis::Verdict verdict);

}  // namespace hangspy::cli
