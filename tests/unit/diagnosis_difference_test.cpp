// Whether a second sample tells the same story as the first.
#include <gmock/gmock.h>

#include <algorithm>

#include "diagnosis/rules.hpp"
#include "hangspy/diagnosis.hpp"
#include "snapshot_file.hpp"

namespace hangspy::diagnosis {
namespace {

using snapshot::Snapshot;
using testing::HasSubstr;
using testing::Optional;

// The story of a case, and of the same case after `change`.
template <class Change>
std::optional<std::string> difference_after(const std::string& name, Change change) {
  const auto first = snapshot_file::read(name);
  auto second = first;
  change(second);
  return difference(first, diagnose(first), second, diagnose(second));
}

snapshot::Thread& thread(Snapshot& snapshot, std::uint64_t state) {
  return *std::find_if(snapshot.threads.begin(), snapshot.threads.end(),
                       [&](const auto& each) { return each.state.value == state; });
}

void let_run(Snapshot& snapshot, std::uint64_t state) {
  ++*thread(snapshot, state).run_counter;
}

TEST(Difference, IsNoneInTheSameSample) {
  for (const auto& name : snapshot_file::all()) {
    EXPECT_EQ(difference_after(name, [](Snapshot&) {}), std::nullopt) << name;
  }
}

TEST(Difference, IsAnEdgeThatIsGone) {
  // Another task waits at the same place: the stacks are the same, the cycle is not.
  const auto differs = difference_after("stacked", [](Snapshot& snapshot) {
    for (auto& task : snapshot.tasks) {
      if (task.object.value == 0x203) task.object.value = 0x204;
      if (task.waits_for.value == 0x203) task.waits_for.value = 0x204;
    }
  });
  EXPECT_THAT(differs, Optional(HasSubstr("was not there again")));
}

TEST(Difference, IsAnotherVerdict) {
  const auto differs =
      difference_after("stacked", [](Snapshot& snapshot) { thread(snapshot, 0x102).wait = {}; });
  EXPECT_THAT(differs, Optional(HasSubstr("deadlock at first, then")));
}

TEST(Difference, IsAThreadOfTheCycleThatRan) {
  const auto differs = difference_after("stacked", [](Snapshot& s) { let_run(s, 0x102); });
  EXPECT_THAT(differs, Optional(HasSubstr("ran in between")));
  for (const std::uint64_t state : {0x103, 0x104}) {
    EXPECT_NE(difference_after("lock_abba", [&](Snapshot& s) { let_run(s, state); }), std::nullopt);
  }
}

TEST(Difference, IsTheThreadOfAnOrphanWaitThatRan) {
  const auto differs = difference_after("orphan", [](Snapshot& s) { let_run(s, 0x102); });
  EXPECT_THAT(differs, Optional(HasSubstr("ran in between")));
}

TEST(Difference, IsAThreadOfTheCycleWhoseCounterWasLost) {
  EXPECT_NE(difference_after("stacked", [](Snapshot& s) { thread(s, 0x102).run_counter.reset(); }),
            std::nullopt);
}

TEST(Difference, IsAWorkerThatWasNotStuckAgain) {
  for (const auto& name : snapshot_file::all()) {
    const auto snapshot = snapshot_file::read(name);
    const auto first = diagnose(snapshot);
    if (first.verdict != Verdict::kDeadlock) continue;
    auto second = first;
    second.cause.pop_back();
    EXPECT_THAT(difference(snapshot, first, snapshot, second), Optional(HasSubstr("so again")))
        << name;
  }
}

TEST(Difference, IsNotALoopThatTicks) {
  EXPECT_EQ(difference_after("stacked", [](Snapshot& s) { let_run(s, 0x101); }), std::nullopt);
  EXPECT_EQ(difference_after("task_cycle", [](Snapshot& s) { let_run(s, 0x101); }), std::nullopt);
}

TEST(Difference, IsALoopsThreadThatIsItselfInTheCycle) {
  EXPECT_NE(difference_after("on_loop", [](Snapshot& s) { let_run(s, 0x101); }), std::nullopt);
}

TEST(Difference, IsNotTheClock) {
  EXPECT_EQ(difference_after("nested_wait_for", [](Snapshot& s) { *s.loops[0].now += 0.25; }),
            std::nullopt);
}

TEST(Difference, IsABlockedLoopThatWentOn) {
  const auto differs = [](auto change) {
    return difference_after("blocked_loop", [&](Snapshot& s) { change(thread(s, 0x101)); });
  };
  EXPECT_NE(differs([](auto& loop) { loop.runs_handle.value = 0x8ff; }), std::nullopt);
  EXPECT_NE(differs([](auto& loop) {
              auto place = *loop.frames.front().operator->();
              place.instruction += 2;
              loop.frames.front().place = Shared(place);
            }),
            std::nullopt);
  EXPECT_NE(differs([](auto& loop) { loop.frames.front().frame.value = 0xf02; }), std::nullopt);
  // A short sleep in a loop comes back to the same place.
  EXPECT_NE(differs([](auto& loop) { ++*loop.run_counter; }), std::nullopt);
}

TEST(RulePages, ExistForEveryRuleThatADiagnosisNames) {
  std::vector<std::string_view> known;
  for (const auto& each : rule_pages()) {
    known.push_back(each.name);
    EXPECT_FALSE(each.summary.empty()) << each.name;
    EXPECT_FALSE(each.page.empty()) << each.name;
    EXPECT_EQ(each.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz-"), std::string_view::npos);
  }
  for (const auto& name : snapshot_file::all()) {
    const auto rule = diagnose(snapshot_file::read(name)).rule;
    EXPECT_TRUE(rule.empty() || std::count(known.begin(), known.end(), rule) == 1) << name;
  }
  std::sort(known.begin(), known.end());
  EXPECT_EQ(std::adjacent_find(known.begin(), known.end()), known.end()) << "a name stands twice";
}

TEST(VersionBefore, ComparesNumberByNumber) {
  EXPECT_TRUE(version_before("3.7.2", "3.8"));
  EXPECT_TRUE(version_before("3.8.1", "3.12"));
  EXPECT_FALSE(version_before("3.12.1", "3.8"));
  EXPECT_FALSE(version_before("3.12", "3.12"));
  EXPECT_FALSE(version_before("3.12.0", "3.12"));
  EXPECT_TRUE(version_before("", "3.8"));
  EXPECT_TRUE(version_before("not a version", "3.8"));
}

}  // namespace
}  // namespace hangspy::diagnosis
