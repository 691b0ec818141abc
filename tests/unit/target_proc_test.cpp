// The texts of /proc, hostile ones too, and what the kernel's "no" is explained with.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "target/permission.hpp"
#include "target/proc_dir.hpp"
#include "target/proc_maps.hpp"
#include "target/proc_threads.hpp"
#include "target/restraint.hpp"

namespace hangspy::target {
namespace {

using ::testing::HasSubstr;

TEST(ProcStat, IsParsedFromTheLastParenthesis) {
  const auto stat = parse_stat(
      "4182 (a) S 1 (b) R) T 77 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0 0\n");
  ASSERT_TRUE(stat) << stat.error().what;
  EXPECT_EQ(stat->state, 'T');
  EXPECT_EQ(stat->parent, 77);
  EXPECT_EQ(stat->start_time, 987654u);
}

TEST(ProcStat, ThatEndsEarlyIsAnError) {
  EXPECT_FALSE(parse_stat(""));
  EXPECT_FALSE(parse_stat("1 (x"));
  EXPECT_FALSE(parse_stat("1 (x) S 1 2 3"));
  EXPECT_FALSE(parse_stat("1 (x) S a 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654"));
}

TEST(ProcStatus, FieldsAreFoundByWholeNames) {
  const std::string status = "Name:\tUid: 5\nNSpid:\t10\t1\nUid:\t1000\t1001\t1002\t1003\n";
  EXPECT_EQ(status_field(status, "Uid"), "1000\t1001\t1002\t1003");
  EXPECT_EQ(status_field(status, "pid"), "");
  EXPECT_EQ(status_field(status, "NSpid"), "10\t1");
}

TEST(ProcMaps, KeepsPathsWithBlanksAndEscapes) {
  const auto maps = parse_maps(
      "1000-3000 r-xp 0001f000 fe:00 247766                     /opt/a b\x1b[2J\\012 (deleted)\n"
      "7f0000-7f1000 rw-s 00000000 00:00 0 \n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n");
  ASSERT_TRUE(maps) << maps.error().what;
  ASSERT_EQ(maps->size(), 3u);
  const Mapping& first = maps->front();
  EXPECT_EQ(first.begin, Address{0x1000});
  EXPECT_EQ(first.end, Address{0x3000});
  EXPECT_EQ(first.file_offset, 0x1f000u);
  EXPECT_TRUE(first.readable && !first.writable && first.executable && first.is_private);
  EXPECT_EQ(first.path.bytes(), "/opt/a b\x1b[2J\\012 (deleted)");
  EXPECT_TRUE(maps->at(1).path.empty());
  EXPECT_TRUE(maps->at(1).writable);
  EXPECT_FALSE(maps->at(1).is_private);
  EXPECT_EQ(mapping_at(*maps, {0x2fff}), &maps->front());
  EXPECT_EQ(mapping_at(*maps, {0x3000}), nullptr);
  EXPECT_EQ(mapping_at(*maps, {0xfff}), nullptr);
}

TEST(ProcMaps, RefusesLinesThatAreNotTheKernels) {
  for (const char* line : {"x", "1000", "1000-2000", "1000-2000 r", "2000-1000 r--p 0 00:00 0",
                           "1000-2000 r--p zz 00:00 0", "1000-11112222333344445 r--p 0 0:0 0"}) {
    EXPECT_FALSE(parse_maps(line)) << line;
  }
  EXPECT_TRUE(parse_maps("").value().empty());
}

TEST(ProcThread, SyscallFileTellsRunningFromAsleep) {
  ThreadState state;
  ASSERT_TRUE(parse_syscall("running\n", state));
  EXPECT_EQ(state.activity, Activity::kRunning);
  state = {};
  ASSERT_TRUE(parse_syscall("-1 0x7ffc10 0x55aa\n", state));
  EXPECT_EQ(state.activity, Activity::kUnknown);
  EXPECT_EQ(state.stack_pointer, 0x7ffc10u);
  state = {};
  ASSERT_TRUE(parse_syscall("202 0x7f01 0x80 0x2 0x3 0x4 0xffffffff 0x7ffc20 0x7f99\n", state));
  EXPECT_EQ(state.activity, Activity::kInSyscall);
  EXPECT_EQ(state.syscall, 202);
  EXPECT_EQ(state.arguments, (std::array<std::uint64_t, 6>{0x7f01, 0x80, 2, 3, 4, 0xffffffff}));
  EXPECT_EQ(state.stack_pointer, 0x7ffc20u);
  EXPECT_EQ(state.instruction_pointer, 0x7f99u);
  EXPECT_FALSE(parse_syscall("202 0x1 0x2\n", state));
  EXPECT_FALSE(parse_syscall("", state));
}

TEST(ProcThread, CountsContextSwitchesWhereTheKernelKeepsNoSchedstat) {
  const char* status = "Name:\tx\nvoluntary_ctxt_switches:\t40\nnonvoluntary_ctxt_switches:\t2\n";
  EXPECT_EQ(run_counter("100 20 7\n", status), 7u);
  EXPECT_EQ(run_counter("0 0 0\n", status), 42u);
  EXPECT_EQ(run_counter("", status), 42u);
  EXPECT_EQ(run_counter("", ""), std::nullopt);
}

TEST(ProcThread, TellsTheTimeOnAProcessorWhereTheKernelKeepsIt) {
  EXPECT_EQ(run_time("100 20 7\n"), 100u);
  EXPECT_EQ(run_time("0 0 0\n"), std::nullopt);
  EXPECT_EQ(run_time("100\n"), std::nullopt);
  EXPECT_EQ(run_time(""), std::nullopt);
}

// Each fact alone must lead to its own sentence.
TEST(Permission, NamesTheOneThingThatIsMissing) {
  const auto text = [](const PermissionFacts& facts, Access wanted = Access::kRead) {
    const Error error = explain_refusal(facts, wanted);
    EXPECT_EQ(error.failure, Failure::kPermission);
    return error.what + " | " + error.next_step;
  };
  PermissionFacts base;
  base.pid = 4182;
  base.our_uid = 1000;
  base.their_uid = 1000;

  PermissionFacts facts = base;
  facts.uids_differ = true;
  facts.their_uid = 33;
  EXPECT_THAT(text(facts), HasSubstr("runs as uid 33, hangspy as uid 1000"));
  facts.our_uid = 0;
  EXPECT_THAT(text(facts), HasSubstr("--cap-add=SYS_PTRACE"));

  facts = base;
  facts.is_dumpable = false;
  EXPECT_THAT(text(facts), HasSubstr("not dumpable"));

  facts = base;
  facts.has_more_capabilities = true;
  EXPECT_THAT(text(facts), HasSubstr("capabilities that hangspy has not"));

  facts = base;
  facts.yama_scope = 1;
  EXPECT_THAT(text(facts), HasSubstr("ptrace_scope is 1"));
  EXPECT_THAT(text(facts), HasSubstr("sysctl kernel.yama.ptrace_scope=0"));
  facts.yama_scope = 2;
  EXPECT_THAT(text(facts), HasSubstr("ptrace_scope is 2"));
  facts.can_trace = true;
  facts.yama_scope = 3;
  EXPECT_THAT(text(facts), HasSubstr("forbids it to everyone"));

  facts = base;
  facts.tracer = 999;
  EXPECT_THAT(text(facts, Access::kStop), HasSubstr("process 999 traces it already"));
  EXPECT_THAT(text(facts, Access::kRead), Not(HasSubstr("999")));  // a tracer hinders no reading

  facts = base;
  facts.can_trace = true;
  EXPECT_THAT(text(facts), HasSubstr("security module"));
  facts.in_container = true;
  EXPECT_THAT(text(facts), HasSubstr("in a container"));
}

TEST(Permission, FactsComeFromTheTwoStatusFiles) {
  const char* theirs =
      "TracerPid:\t12\nUid:\t33\t33\t34\t33\nNSpid:\t4182\t7\nCapPrm:\t0000000000000400\n";
  const char* ours = "Uid:\t1000\t1000\t1000\t1000\nCapPrm:\t0\nCapEff:\t0000000000080000\n";
  const PermissionFacts facts = facts_of_status(theirs, ours);
  EXPECT_EQ(facts.our_uid, 1000u);
  EXPECT_EQ(facts.their_uid, 33u);
  EXPECT_TRUE(facts.uids_differ);
  EXPECT_TRUE(facts.can_trace);
  EXPECT_TRUE(facts.has_more_capabilities);
  EXPECT_EQ(facts.tracer, 12);
  EXPECT_TRUE(facts.in_container);
  EXPECT_FALSE(facts_of_status("NSpid:\t4182\n", "").in_container);
}

TEST(Restraint, OnlyAStoppedStateHalts) {
  EXPECT_THAT(halted_by_state('T'), HasSubstr("SIGSTOP"));
  EXPECT_THAT(halted_by_state('t'), HasSubstr("tracer"));
  for (const char state : {'R', 'S', 'D', 'Z', 'I', '?'}) EXPECT_EQ(halted_by_state(state), "");
}

TEST(Restraint, BothVersionsOfCgroupsSayWhetherTheyAreFrozen) {
  EXPECT_TRUE(says_frozen("populated 1\nfrozen 1\n"));
  EXPECT_TRUE(says_frozen("FROZEN\n"));
  EXPECT_TRUE(says_frozen("FREEZING\n"));
  EXPECT_FALSE(says_frozen("populated 1\nfrozen 0\n"));
  EXPECT_FALSE(says_frozen("THAWED\n"));
  EXPECT_FALSE(says_frozen(""));
}

}  // namespace
}  // namespace hangspy::target
