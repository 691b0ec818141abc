#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>

#include "cli/command.hpp"
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

Result<session::Outcome> diagnose(const Command& command) {
  if (command.action == Action::kCore) return session::run_core(command.core, command.session);
  return session::run_live(command.pid, command.session);
}

}  // namespace

int run(const Command& command) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that leaves is no reason to die of
  set_up_voice(command.verbosity);
  if (command.action == Action::kExplain) return explain(command.rule);
  if (command.sandbox) enter_sandbox(command);
  const auto outcome = diagnose(command);
  if (!outcome) return complain(outcome.error());
  const auto& [snapshot, diagnosis, account] = *outcome;
  const auto words = command.format == Format::kJson
                         ? report::json(snapshot, diagnosis, account, command.report)
                         : report::text(snapshot, diagnosis, account, command.report);
  return finish(words, exit_code(command, diagnosis.verdict));
}

}  // namespace hangspy::cli
