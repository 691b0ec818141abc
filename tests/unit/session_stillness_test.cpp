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

}  // namespace
}  // namespace hangspy::session
