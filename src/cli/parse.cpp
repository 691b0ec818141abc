#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>

#include "cli/command.hpp"

namespace hangspy::cli {
namespace {

constexpr const char* kFooter = R"(Examples:
  hangspy 4182                     say why the live worker 4182 hangs
  hangspy core core.4182           the same from its core dump
  hangspy 4182 --format json       for programs
  hangspy explain                  list the rules; `hangspy explain RULE` for one

Exit codes:
  0  healthy or slow               3  inconclusive
  1  deadlock                      4  orphan-wait or blocked-loop
  2  could not run                 70 a bug in hangspy)";

struct Words {  // options as they are typed, before they mean anything
  std::string pause = "auto";
  std::string format = "text";
  std::string color = "auto";
  std::string fail_on;
  std::uint64_t max_copy_mb = 128;
  bool no_sandbox = false;
  std::uint64_t max_memory = 2ULL << 30;
};

bool environment_says(const char* name, std::string_view what) {
  const char* value = std::getenv(name);
  return value != nullptr && std::string_view(value).find(what) != std::string_view::npos;
}

// "C.UTF-8", "de_DE.utf8": the C library takes either, in any case of its letters.
bool names_utf8(std::string locale) {
  std::transform(locale.begin(), locale.end(), locale.begin(),
                 [](unsigned char each) { return static_cast<char>(std::tolower(each)); });
  return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    return names_utf8(value);
  }
  return true;  // nothing said: today's terminals are
}

bool wants_colour(const std::string& word) {
  if (word != "auto") return word == "always";
  const char* no_color = std::getenv("NO_COLOR");
  const bool refused = no_color != nullptr && *no_color != '\0';
  return !refused && !environment_says("TERM", "dumb") && isatty(STDOUT_FILENO) != 0;
}

void add_report_options(CLI::App& app, Command& command, Words& words) {
  app.add_option("--format", words.format, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.add_flag("--all", command.report.all, "add every thread and task");
  app.add_flag("--ascii", command.report.ascii, "no characters beyond ASCII");
  app.add_option("--color", words.color, "auto, always or never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--fail-on", words.fail_on,
                 "verdicts, comma separated, that keep their exit code; others exit 0");
  app.add_flag("--exit-zero", command.exit_zero, "exit 0 whatever the verdict");
  app.add_flag("-v", command.verbosity, "say on stderr what is opened and read; -vv for more");
  app.add_flag("--no-sandbox", words.no_sandbox, "keep privileges and system calls as they are");
}

void add_live_options(CLI::App& app, Command& command, Words& words) {
  app.add_option("PID", command.pid, "the worker's process id")->check([](const std::string& word) {
    const bool is_number = !word.empty() && word.find_first_not_of("0123456789") == word.npos;
    return is_number && word != "0" ? std::string{} : "'" + word + "' is no process id";
  });
  app.add_option("--pause", words.pause,
                 "when to stop the worker: auto (only if it does not lie still), always, never")
      ->check(CLI::IsMember({"auto", "always", "never"}))
      ->capture_default_str();
  app.add_option("--samples", command.session.samples, "samples that a finding needs")
      ->check(CLI::Range(1, 10))
      ->capture_default_str();
  app.add_option("--interval", command.session.interval_ms, "milliseconds between two samples")
      ->check(CLI::Range(0, 60'000))
      ->capture_default_str();
  app.add_option("--max-copy", words.max_copy_mb,
                 "megabytes of a worker that may be copied ahead of a stop")
      ->check(CLI::Range(1, 4'096))
      ->capture_default_str();
}

// What hangspy itself may take.
void add_bounds(CLI::App& app, Command& command, Words& words) {
  app.add_option("--timeout", command.session.timeout_seconds,
                 "seconds for the whole run; over them it is inconclusive")
      ->check(CLI::Range(1e-6, 86'400.0))
      ->capture_default_str();
  app.add_option("--max-memory", words.max_memory,
                 "memory of hangspy itself (K, M, G); over it, it is inconclusive")
      ->transform(CLI::AsSizeValue(false))
      ->default_str("2G");
}

std::optional<std::set<std::string>> verdicts_of(const std::string& list, std::string& unknown) {
  if (list.empty()) return std::nullopt;
  std::set<std::string> verdicts;
  for (const auto& word : CLI::detail::split(list, ',')) {
    bool known = false;
    for (int i = 0; i <= static_cast<int>(diagnosis::Verdict::kInconclusive); ++i) {
      known = known || diagnosis::name_of(static_cast<diagnosis::Verdict>(i)) == word;
    }
    if (!known) unknown = word;
    verdicts.insert(word);
  }
  return verdicts;
}

// A line that was not understood is told like every other error.
std::string misuse(const CLI::App*, const CLI::Error& error) {
  return "error: " + to_line(Text::of_target(error.what()), {.max_columns = 300}) +
         "\nhelp: `hangspy --help` lists what can be said\n";
}

void apply(const Words& words, Command& command) {
  using session::Pause;
  command.session.pause = words.pause == "always"  ? Pause::kAlways
                          : words.pause == "never" ? Pause::kNever
                                                   : Pause::kAuto;
  command.sandbox = !words.no_sandbox;
  command.max_memory = words.max_memory;
  command.session.max_copy = words.max_copy_mb << 20;
  command.format = words.format == "json" ? Format::kJson : Format::kText;
  command.report.colour = wants_colour(words.color);
  command.report.ascii = command.report.ascii || !locale_is_utf8();
}

}  // namespace

Parsed parse(int argc, const char* const* argv) {
  CLI::App app{"Says why a Python web worker hangs: who waits for whom, and what to change.",
               "hangspy"};
  app.set_version_flag("--version", "hangspy " HANGSPY_VERSION);
  app.footer(kFooter);
  app.failure_message(misuse);
  Command command;
  Words words;
  add_live_options(app, command, words);
  add_report_options(app, command, words);
  add_bounds(app, command, words);
  auto* core = app.add_subcommand("core", "diagnose a core dump");
  core->add_option("CORE", command.core.core, "an ELF core file")
      ->required()
      ->check(CLI::ExistingFile);
  core->add_option("EXE", command.core.executable, "the python that died, if it lies elsewhere")
      ->check(CLI::ExistingFile);
  core->add_option("--sysroot", command.core.sysroot, "where the files that the core names lie")
      ->check(CLI::ExistingDirectory);
  add_report_options(*core, command, words);
  add_bounds(*core, command, words);
  auto* explain = app.add_subcommand("explain", "print the page of a rule");
  explain->add_option("RULE", command.rule, "its name, as a report prints it");
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
    std::string unknown;
    command.fail_on = verdicts_of(words.fail_on, unknown);
    if (!unknown.empty())
      throw CLI::ValidationError("--fail-on", "no verdict is called " + unknown);
    if (*core) command.action = Action::kCore;
    if (*explain) command.action = Action::kExplain;
    if (command.action == Action::kLive && command.pid == 0) {
      throw CLI::RequiredError("PID, or a command");
    }
    if (command.action != Action::kLive && command.pid != 0) {
      throw CLI::ValidationError("PID", "a pid and a command cannot both be given");
    }
  } catch (const CLI::ParseError& stopped) {
    const bool is_done = stopped.get_exit_code() == 0;
    app.exit(stopped);
    return {std::nullopt, is_done ? 0 : kCouldNotRun};
  }
  apply(words, command);
  return {std::move(command), 0};
}

int exit_code(const Command& command, diagnosis::Verdict verdict) {
  if (command.exit_zero) return 0;
  const std::string name(diagnosis::name_of(verdict));
  if (command.fail_on && !command.fail_on->contains(name)) return 0;
  return diagnosis::exit_code_of(verdict);
}

}  // namespace hangspy::cli
