// The command line, up to what is asked for; and what the shell gets back.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "cli/command.hpp"

namespace hangspy::cli {
namespace {

using diagnosis::Verdict;

std::string said;  // on stderr, by the last line that was parsed

Parsed parsed(std::vector<const char*> words) {
  words.insert(words.begin(), "hangspy");
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  auto result = parse(static_cast<int>(words.size()), words.data());
  testing::internal::GetCapturedStdout();
  said = testing::internal::GetCapturedStderr();
  return result;
}

Command command(std::vector<const char*> words) {
  auto result = parsed(std::move(words));
  EXPECT_TRUE(result.command.has_value());
  return result.command.value_or(Command{});
}

TEST(CommandLine, IsALiveWorkerByItsPid) {
  const auto live = command({"4182"});
  EXPECT_EQ(live.action, Action::kLive);
  EXPECT_EQ(live.pid, 4182);
  EXPECT_EQ(live.format, Format::kText);
  EXPECT_EQ(live.session.pause, session::Pause::kAuto);
  EXPECT_FALSE(live.exit_zero);
  EXPECT_FALSE(live.fail_on.has_value());
}

TEST(CommandLine, SetsWhatASampleMayCost) {
  const auto live = command(
      {"4182", "--pause", "never", "--samples", "3", "--interval", "50", "--max-copy", "8"});
  EXPECT_EQ(live.session.pause, session::Pause::kNever);
  EXPECT_EQ(live.session.samples, 3U);
  EXPECT_EQ(live.session.interval_ms, 50U);
  EXPECT_EQ(live.session.max_copy, 8U << 20);
}

TEST(CommandLine, BoundsHangspyItself) {
  const auto unasked = command({"4182"});
  EXPECT_TRUE(unasked.sandbox);
  EXPECT_EQ(unasked.session.timeout_seconds, 30);
  EXPECT_EQ(unasked.max_memory, 2ULL << 30);
  for (std::vector<const char*> words : {std::vector{"4182"}, {"core", "/proc/self/exe"}}) {
    words.insert(words.end(), {"--timeout", "0.5", "--max-memory", "300M", "--no-sandbox"});
    const auto asked = command(words);
    EXPECT_FALSE(asked.sandbox);
    EXPECT_EQ(asked.session.timeout_seconds, 0.5);
    EXPECT_EQ(asked.max_memory, 300ULL << 20);
  }
}

TEST(CommandLine, IsACoreWithItsExecutable) {
  const auto core = command({"core", "/proc/self/exe", "/proc/self/exe", "--format", "json"});
  EXPECT_EQ(core.action, Action::kCore);
  EXPECT_EQ(core.core.core, "/proc/self/exe");
  EXPECT_EQ(core.core.executable, "/proc/self/exe");
  EXPECT_EQ(core.format, Format::kJson);
}

TEST(CommandLine, TakesTheReportsOptionsBeforeAndAfterTheCommand) {
  EXPECT_TRUE(command({"core", "/proc/self/exe", "--all", "--ascii"}).report.all);
  EXPECT_TRUE(command({"--all", "core", "/proc/self/exe"}).report.all);
  EXPECT_EQ(command({"core", "/proc/self/exe", "--fail-on", "deadlock"}).fail_on,
            std::set<std::string>{"deadlock"});
}

TEST(CommandLine, ExplainsOneRuleOrListsAll) {
  EXPECT_EQ(command({"explain"}).rule, "");
  EXPECT_EQ(command({"explain", "lock-cycle"}).rule, "lock-cycle");
  EXPECT_EQ(command({"explain"}).action, Action::kExplain);
}

TEST(CommandLine, ThatIsWrongCouldNotRun) {
  const std::vector<std::vector<const char*>> wrong = {
      {},
      {"0"},
      {"-7"},
      {"worker"},
      {"4182", "--format", "xml"},
      {"core"},
      {"4182", "--samples", "0"},
      {"4182", "--fail-on", "deadlok"},
      {"core", "/nowhere/at/all"},
      {"4182", "--no-such-option"},
      {"4182", "--pause", "perhaps"},
      {"99999999999"},
      {"4182", "--timeout", "0"},
      {"4182", "--max-memory", "much"},
      {"4182", "explain"},
      {"4182", "core", "/proc/self/exe"},
      {"\x1b[2J\nhelp: fake"},
  };
  for (const auto& words : wrong) {
    const auto result = parsed(words);
    EXPECT_FALSE(result.command.has_value()) << (words.empty() ? "nothing" : words.back());
    EXPECT_EQ(result.exit_code, kCouldNotRun);
    EXPECT_THAT(said, testing::StartsWith("error: "));
    EXPECT_THAT(said, testing::EndsWith("\nhelp: `hangspy --help` lists what can be said\n"));
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
    EXPECT_EQ(said.find('\x1b'), std::string::npos);
  }
}

TEST(CommandLine, ThatAsksForHelpIsDone) {
  for (const char* word : {"--help", "--version"}) {
    const auto result = parsed({word});
    EXPECT_FALSE(result.command.has_value());
    EXPECT_EQ(result.exit_code, 0);
  }
}

TEST(CommandLine, CountsHowMuchIsSaidOnStderr) {
  EXPECT_EQ(command({"4182"}).verbosity, 0);
  EXPECT_EQ(command({"4182", "-v"}).verbosity, 1);
  EXPECT_EQ(command({"-vv", "4182"}).verbosity, 2);
  EXPECT_EQ(command({"core", "/proc/self/exe", "-vv"}).verbosity, 2);
}

// An environment variable, until the end of the scope.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { before_ ? set(before_->c_str()) : set(nullptr); }

  void set(const char* value) const {
    value == nullptr ? unsetenv(name_) : setenv(name_, value, 1);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(CommandLine, IsAsciiWhereTheLocaleIs) {
  const Environment all("LC_ALL", "C");
  EXPECT_TRUE(command({"4182"}).report.ascii);
  for (const char* locale : {"C.UTF-8", "C.utf8", "en_US.utf-8"}) {
    all.set(locale);
    EXPECT_FALSE(command({"4182"}).report.ascii) << locale;
  }
  EXPECT_TRUE(command({"4182", "--ascii"}).report.ascii);
}

TEST(CommandLine, TakesTheFirstLocaleThatIsSaid) {
  const Environment all("LC_ALL", "");
  const Environment characters("LC_CTYPE", "C");
  const Environment language("LANG", "C.UTF-8");
  EXPECT_TRUE(command({"4182"}).report.ascii);
  characters.set(nullptr);
  EXPECT_FALSE(command({"4182"}).report.ascii);
}

TEST(CommandLine, IsColouredOnlyWhenAskedFor) {
  const Environment terminal("TERM", "xterm");
  const Environment refused("NO_COLOR", "1");
  EXPECT_FALSE(command({"4182"}).report.colour);
  EXPECT_FALSE(command({"4182", "--color", "never"}).report.colour);
  EXPECT_TRUE(command({"4182", "--color", "always"}).report.colour);
}

TEST(ExitCode, IsTheVerdicts) {
  const Command plain;
  EXPECT_EQ(exit_code(plain, Verdict::kHealthy), 0);
  EXPECT_EQ(exit_code(plain, Verdict::kSlow), 0);
  EXPECT_EQ(exit_code(plain, Verdict::kDeadlock), 1);
  EXPECT_EQ(exit_code(plain, Verdict::kInconclusive), 3);
  EXPECT_EQ(exit_code(plain, Verdict::kOrphanWait), 4);
  EXPECT_EQ(exit_code(plain, Verdict::kBlockedLoop), 4);
}

TEST(ExitCode, IsKeptOnlyOfTheVerdictsToFailOn) {
  const auto some = command({"4182", "--fail-on", "deadlock,orphan-wait"});
  EXPECT_EQ(exit_code(some, Verdict::kDeadlock), 1);
  EXPECT_EQ(exit_code(some, Verdict::kOrphanWait), 4);
  EXPECT_EQ(exit_code(some, Verdict::kBlockedLoop), 0);
  EXPECT_EQ(exit_code(some, Verdict::kInconclusive), 0);
}

TEST(ExitCode, IsZeroWhateverTheVerdictIfSoAskedFor) {
  const auto zero = command({"4182", "--exit-zero", "--fail-on", "deadlock"});
  for (int i = 0; i <= static_cast<int>(Verdict::kInconclusive); ++i) {
    EXPECT_EQ(exit_code(zero, static_cast<Verdict>(i)), 0);
  }
}

// Nothing that a verdict says may be taken for "could not run" or for a bug of ours.
TEST(ExitCode, OfNoVerdictIsThatOfAFailure) {
  for (int i = 0; i <= static_cast<int>(Verdict::kInconclusive); ++i) {
    const auto code = exit_code({}, static_cast<Verdict>(i));
    EXPECT_NE(code, kCouldNotRun);
    EXPECT_NE(code, kBug);
  }
}

}  // namespace
}  // namespace hangspy::cli
