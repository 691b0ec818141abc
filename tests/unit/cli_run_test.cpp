// What a command leaves on stdout and stderr, and its exit code, where no worker is needed.
#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>

#include "cli/command.hpp"

namespace hangspy::cli {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

Ran ran(const Command& command) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  Ran result;
  result.code = run(command);
  result.out = testing::internal::GetCapturedStdout();
  result.err = testing::internal::GetCapturedStderr();
  return result;
}

Command explain(const std::string& rule) {
  Command command;
  command.action = Action::kExplain;
  command.rule = rule;
  return command;
}

TEST(Run, ListsEveryRule) {
  const auto list = ran(explain(""));
  EXPECT_EQ(list.code, 0);
  EXPECT_EQ(list.err, "");
  for (const auto& each : diagnosis::rule_pages()) EXPECT_THAT(list.out, HasSubstr(each.name));
}

TEST(Run, PrintsThePageOfARule) {
  for (const auto& each : diagnosis::rule_pages()) {
    const auto page = ran(explain(std::string(each.name)));
    EXPECT_EQ(page.code, 0);
    EXPECT_THAT(page.out, StartsWith(std::string(each.name) + ": "));
    EXPECT_THAT(page.out, HasSubstr(each.page));
  }
}

TEST(Run, OfAnUnknownRuleSaysWhatToDo) {
  const auto unknown = ran(explain("no\x1b[2Jrule"));
  EXPECT_EQ(unknown.code, kCouldNotRun);
  EXPECT_EQ(unknown.out, "");
  EXPECT_EQ(unknown.err,
            "error: no rule is called no\\x1b[2Jrule\nhelp: `hangspy explain` lists them\n");
}

TEST(Run, OfAProcessThatIsNotThereIsAnError) {
  Command command;
  command.pid = 0x7fff'ffff;
  const auto gone = ran(command);
  EXPECT_EQ(gone.code, kCouldNotRun);
  EXPECT_EQ(gone.out, "");
  EXPECT_THAT(gone.err, StartsWith("error: "));
}

// --exit-zero is for verdicts: that there is none must not pass for a healthy worker.
TEST(Run, ThatFailedIsNeverZero) {
  Command command;
  command.action = Action::kCore;
  command.core.core = "/proc/self/exe";
  command.exit_zero = true;
  EXPECT_EQ(ran(command).code, kCouldNotRun);
}

// To be called in a child: its stdout goes to `end`.
[[noreturn]] void list_rules_to(int end) {
  dup2(end, STDOUT_FILENO);
  _exit(run(explain("")));
}

TEST(Run, WhoseReaderLeavesEndsQuietly) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  close(ends[0]);
  EXPECT_EXIT(list_rules_to(ends[1]), testing::ExitedWithCode(0), testing::IsEmpty());
  close(ends[1]);
}

TEST(Run, WhoseReportCouldNotBeWrittenFails) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  EXPECT_EXIT(list_rules_to(fileno(full)), testing::ExitedWithCode(kCouldNotRun),
              HasSubstr("could not be written"));
  std::fclose(full);
}

}  // namespace
}  // namespace hangspy::cli
