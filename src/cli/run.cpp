#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <memory>
#include <system_error>
#include <thread>

#include "cli/bounds.hpp"
#include "cli/command.hpp"
#include "cli/watchdog.hpp"
#include "hangspy/sandbox.hpp"

namespace hangspy::cli {
namespace {

// stdout is the report; everything of ours goes to stderr.
void set_up_voice(int verbosity) {
  spdlog::set_default_logger(std::make_shared<spdlog::logger>(
      "hangspy", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()));
  spdlog::set_pattern("hangspy: %v");
  spdlog::set_level(verbosity == 0   ? spdlog::level::warn
                    : verbosity == 1 ? spdlog::level::info
                                     : spdlog::level::debug);
}

// Whether nothing went wrong. A reader that leaves has read what it wanted: `| head` is no failure.
bool print(const std::string& words) {
  const bool written = std::fwrite(words.data(), 1, words.size(), stdout) == words.size() &&
                       std::fflush(stdout) == 0;
  return written || errno == EPIPE;
}

int complain(const Error& error) {
  std::string words = "error: " + error.what + "\n";
  if (!error.next_step.empty()) words += "help: " + error.next_step + "\n";
  std::fwrite(words.data(), 1, words.size(), stderr);
  return kCouldNotRun;
}

int finish(const std::string& words, int code) {
  if (print(words)) return code;
  return complain({Failure::kFile, "the report could not be written", {}});
}

int explain(const std::string& rule) {
  for (const auto& each : diagnosis::rule_pages()) {
    if (each.name != rule) continue;
    return finish(
        std::string(each.name) + ": " + std::string(each.summary) + "\n\n" + std::string(each.page),
        0);
  }
  if (!rule.empty()) {
    return complain({Failure::kUsage, "no rule is called " + to_line(Text::of_target(rule)),
                     "`hangspy explain` lists them"});
  }
  std::string list;
  for (const auto& each : diagnosis::rule_pages()) {
    list += std::string(each.name) + "\n    " + std::string(each.summary) + "\n";
  }
  return finish(list, 0);
}

// What could not be given up is no reason to refuse a diagnosis, and is told.
void enter_sandbox(const Command& command) {
  const auto measures = command.action == Action::kCore ? sandbox::enter_core(command.core)
                                                        : sandbox::enter_live(command.pid);
  for (const auto& each : measures) {
    spdlog::info("sandbox: {}{}", each.held ? "" : "without ", each.what);
  }
}

std::string in_words(const session::Outcome& outcome, const Command& command) {
  const auto& [snapshot, diagnosis, account] = outcome;
  return command.format == Format::kJson
             ? report::json(snapshot, diagnosis, account, command.report)
             : report::text(snapshot, diagnosis, account, command.report);
}

// All that is left to say once a bound was reached in the middle of something.
session::Outcome nothing_but(const std::string& bound, const Command& command) {
  session::Outcome outcome;
  outcome.snapshot.pid = command.pid;
  outcome.snapshot.is_core = command.action == Action::kCore;
  session::cut_short(bound, outcome);
  return outcome;
}

// Two may want to report: the run, and the watchdog. Who comes first does; the other's thread
// waits for the end.
class Voice {
 public:
  int report(const session::Outcome& outcome, const Command& command) {
    const auto words = in_words(outcome, command);
    const int code = exit_code(command, outcome.diagnosis.verdict);
    if (spoken_.exchange(true)) wait_for_the_end();
    return finish(words, code);
  }
  [[nodiscard]] bool spoken() const { return spoken_; }

 private:
  [[noreturn]] static void wait_for_the_end() {
    for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
  }
  std::atomic<bool> spoken_ = false;
};

// Ends the process from wherever a bound was met. Another thread goes on with whatever it does
// until then.
void give_up(Voice& voice, const std::string& bound, const Command& command) {
  if (voice.spoken()) return;
  end_at_once(voice.report(nothing_but(bound, command), command));
}

Result<session::Outcome> diagnose(const Command& command) {
  if (command.action == Action::kCore) return session::run_core(command.core, command.session);
  return session::run_live(command.pid, command.session);
}

int run_within_bounds(const Command& command) {
  constexpr std::chrono::seconds kGrace{1};  // for what stops by itself at the limit
  static Voice voice;                        // the end may come while everything else goes
  limit_memory(command, [&](const std::string& bound) { give_up(voice, bound, command); });
  if (command.sandbox) enter_sandbox(command);
  try {
    const std::chrono::duration<double> limit(command.session.timeout_seconds);
    const Watchdog watchdog(limit + kGrace, [&] { give_up(voice, time_bound(command), command); });
    // Never given back: of a hundred thousand tasks that takes longer than what is left to do.
    static auto& outcomes = *new std::deque<Result<session::Outcome>>;
    const auto& outcome = outcomes.emplace_back(diagnose(command));
    return outcome ? voice.report(*outcome, command) : complain(outcome.error());
  } catch (const std::system_error&) {  // a thread's stack is memory, too
    if (!command.max_memory) throw;
    return voice.report(nothing_but(memory_bound(command), command), command);
  }
}

}  // namespace

int run(const Command& command) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is no reason to die of
  set_up_voice(command.verbosity);
  if (command.action == Action::kExplain) return explain(command.rule);
  const int code = run_within_bounds(command);
  sandbox::leave();
  return code;
}

}  // namespace hangspy::cli
