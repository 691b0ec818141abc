#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>

#include "cli/command.hpp"

namespace hangspy::cli {
namespace {

// stdout is the report; everything of ours goes to stderr.
void set_up_voice(int verbosity) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("hangspy"));
  spdlog::set_pattern("hangspy: %v");
  spdlog::set_level(verbosity == 0   ? spdlog::level::warn
                    : verbosity == 1 ? spdlog::level::info
                                     : spdlog::level::debug);
}

bool print(const std::string& words) {
  return std::fwrite(words.data(), 1, words.size(), stdout) == words.size() &&
         std::fflush(stdout) == 0;
}

int complain(const Error& error) {
  std::string words = "error: " + error.what + "\n";
  if (!error.next_step.empty()) words += "help: " + error.next_step + "\n";
  std::fwrite(words.data(), 1, words.size(), stderr);
  return kCouldNotRun;
}

int explain(const std::string& rule) {
  for (const auto& each : diagnosis::rule_pages()) {
    if (each.name != rule) continue;
    return print(std::string(each.name) + ": " + std::string(each.summary) + "\n\n" +
                 std::string(each.page))
               ? 0
               : kCouldNotRun;
  }
  if (!rule.empty()) {
    return complain({Failure::kUsage, "no rule is called " + to_line(Text::of_target(rule)),
                     "`hangspy explain` lists them"});
  }
  std::string list;
  for (const auto& each : diagnosis::rule_pages()) {
    list += std::string(each.name) + "\n    " + std::string(each.summary) + "\n";
  }
  return print(list) ? 0 : kCouldNotRun;
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
  const auto outcome = diagnose(command);
  if (!outcome) return complain(outcome.error());
  const auto& [snapshot, diagnosis, account] = *outcome;
  const auto words = command.format == Format::kJson
                         ? report::json(snapshot, diagnosis, account, command.report)
                         : report::text(snapshot, diagnosis, account, command.report);
  if (!print(words)) return complain({Failure::kFile, "the report could not be written", {}});
  return exit_code(command, diagnosis.verdict);
}

}  // namespace hangspy::cli
