// Who slept while it was read, from what the kernel said before and after.
#include "session/stillness.hpp"

#include <gtest/gtest.h>

namespace hangspy::session {
namespace {

constexpr std::int64_t kFutex = 202, kEpollWait = 232;

target::ThreadState in_call(std::int64_t call, std::uint64_t runs) {
  return {.tid = 7, .activity = target::Activity::kInSyscall, .syscall = call, .run_counter = runs};
}

target::ThreadState on_cpu(std::uint64_t runs) {
  return {.tid = 7, .activity = target::Activity::kRunning, .run_counter = runs};
}

bool slept(const target::ThreadState& before, const target::ThreadState& after) {
  snapshot::Snapshot snapshot;
  snapshot.threads.push_back({.tid = 7, .slept = true});
  mark_sleepers({before}, {after}, snapshot);
  return snapshot.threads[0].slept;
}

TEST(Stillness, AThreadInTheSameCallThatNeverRanSlept) {
  EXPECT_TRUE(slept(in_call(kFutex, 3), in_call(kFutex, 3)));
}

TEST(Stillness, AThreadThatSpinsOnItsCpuDidNotSleepThoughItsCounterStandsStill) {
  EXPECT_FALSE(slept(on_cpu(3), on_cpu(3)));
}

TEST(Stillness, AThreadThatCameFromOrWentOntoACpuDidNotSleep) {
  EXPECT_FALSE(slept(on_cpu(3), in_call(kFutex, 3)));
  EXPECT_FALSE(slept(in_call(kFutex, 3), on_cpu(3)));
}

TEST(Stillness, AThreadThatWasBackInItsCallHadRun) {
  EXPECT_FALSE(slept(in_call(kFutex, 3), in_call(kFutex, 4)));
}

TEST(Stillness, AThreadInAnotherCallHadRunWhateverItsCounterSays) {
  EXPECT_FALSE(slept(in_call(kFutex, 3), in_call(kEpollWait, 3)));
}

TEST(Stillness, WithoutACounterNobodyIsKnownToSleep) {
  auto uncounted = in_call(kFutex, 0);
  uncounted.run_counter.reset();
  EXPECT_FALSE(slept(uncounted, uncounted));
}

TEST(Stillness, AThreadThatIsBornOrEndsMeanwhileDidNotSleep) {
  auto other = in_call(kFutex, 3);
  other.tid = 8;
  EXPECT_FALSE(slept(other, in_call(kFutex, 3)));
  EXPECT_FALSE(slept(in_call(kFutex, 3), other));
}

bool computed(const target::ThreadState& before, std::optional<std::uint64_t> time_before,
              target::ThreadState after, std::optional<std::uint64_t> time_after) {
  auto first = before;
  first.run_time = time_before;
  after.run_time = time_after;
  return any_computed({first}, {after});
}

TEST(Computing, IsATimeOnTheProcessorThatGrew) {
  EXPECT_TRUE(computed(on_cpu(3), 1000, on_cpu(3), 5000));
}

TEST(Computing, IsNotDoneByAThreadThatWaitsForAProcessor) {
  EXPECT_FALSE(computed(on_cpu(3), 1000, on_cpu(3), 1000));
}

TEST(Computing, IsNotDoneByAThreadThatSleptBeforeOrAfter) {
  EXPECT_FALSE(computed(in_call(kFutex, 3), 1000, on_cpu(4), 5000));
  EXPECT_FALSE(computed(on_cpu(3), 1000, in_call(kFutex, 3), 5000));
}

TEST(Computing, IsTakenForGrantedWhereTheTimeIsNotKept) {
  EXPECT_TRUE(computed(on_cpu(3), std::nullopt, on_cpu(3), 5000));
  EXPECT_TRUE(computed(on_cpu(3), 1000, on_cpu(3), std::nullopt));
}

bool ran(const target::ThreadState& first, const target::ThreadState& second,
         const target::ThreadState& stopped) {
  std::vector<target::ThreadState> all{stopped};
  mark_runners({first}, {second}, all);
  return all[0].ran;
}

TEST(Runners, AreTheThreadsThatWereScheduledOrOnACpuBeforeAStop) {
  const auto asleep = in_call(kFutex, 3);
  EXPECT_FALSE(ran(asleep, asleep, asleep));
  EXPECT_FALSE(ran(asleep, in_call(kEpollWait, 3), asleep));  // or its counter had moved
  EXPECT_TRUE(ran(asleep, in_call(kFutex, 4), asleep));
  EXPECT_TRUE(ran(on_cpu(3), asleep, asleep));
  EXPECT_TRUE(ran(asleep, on_cpu(3), asleep));
  EXPECT_TRUE(ran(asleep, asleep, on_cpu(3)));
}

TEST(Runners, AreThreadsThatWereNotThereAtFirst) {
  auto other = in_call(kFutex, 3);
  other.tid = 8;
  EXPECT_TRUE(ran(other, in_call(kFutex, 3), in_call(kFutex, 3)));
  EXPECT_TRUE(ran(in_call(kFutex, 3), other, in_call(kFutex, 3)));
}

TEST(Runners, AreNotKnownWithoutACounter) {
  auto uncounted = in_call(kFutex, 0);
  uncounted.run_counter.reset();
  EXPECT_FALSE(ran(uncounted, uncounted, uncounted));
}

// A cycle of these nodes; its verdict is what decides, not how it came about.
diagnosis::Diagnosis deadlock(std::initializer_list<graph::NodeId> nodes) {
  diagnosis::Diagnosis diagnosis;
  diagnosis.verdict = diagnosis::Verdict::kDeadlock;
  for (const auto& each : nodes) diagnosis.cause.push_back(diagnosis.graph.node(each));
  return diagnosis;
}

constexpr Address kThread{0x10}, kOther{0x18}, kLoop{0x20}, kFuture{0x30}, kTask{0x40};

// A loop that `kThread` runs, and another thread.
snapshot::Snapshot worker(bool loop_slept, bool other_slept) {
  snapshot::Snapshot snapshot;
  snapshot.threads.push_back({.state = kThread, .tid = 7, .slept = loop_slept});
  snapshot.threads.push_back({.state = kOther, .tid = 8, .slept = other_slept});
  snapshot.loops.push_back({.object = kLoop, .thread = kThread});
  snapshot.futures.push_back({.object = kFuture, .loop = kLoop});
  snapshot.tasks.push_back({.object = kTask, .loop = kLoop});
  return snapshot;
}

TEST(Stillness, OfADeadlockIsThatOfTheThreadsOfItsCause) {
  const auto found = deadlock({{graph::NodeKind::kThread, kThread}});
  EXPECT_TRUE(holds_still(worker(true, false), found));
  EXPECT_FALSE(holds_still(worker(false, true), found));
}

TEST(Stillness, OfTasksAndFuturesIsThatOfTheirLoop) {
  for (const auto& id : {graph::NodeId{graph::NodeKind::kTask, kTask},
                         graph::NodeId{graph::NodeKind::kFuture, kFuture}}) {
    EXPECT_TRUE(holds_still(worker(true, false), deadlock({id})));
    EXPECT_FALSE(holds_still(worker(false, true), deadlock({id})));
  }
}

TEST(Stillness, OfWhatNoThreadVouchesForIsThatOfAll) {
  const auto found = deadlock({{graph::NodeKind::kConcurrentFuture, {0x50}}});
  EXPECT_TRUE(holds_still(worker(true, true), found));
  EXPECT_FALSE(holds_still(worker(true, false), found));
}

}  // namespace
}  // namespace hangspy::session
