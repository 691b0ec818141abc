// What of a worker is taken to move, when a stop copied only a part of it: memory images of real
// workers, some of whose bytes were others before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "image.hpp"
#include "memory/page_cache.hpp"

namespace hangspy::images {
namespace {

using diagnosis::Verdict;
using memory::kPageSize;
using memory::PageCache;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Address page_of(Address at) {
  return at - at.value % kPageSize;
}

// A stop of a stacked worker that copied all but the pages which changed shortly before.
class PartlyCopied : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Image> image =
      Image::load(std::string(HANGSPY_IMAGES "/") + GetParam() + "-stacked.image").value();
  const Reading whole = image->diagnose().value();

  // These bytes were others before, and nobody copied their page.
  void change(Address from, std::uint64_t size) {
    for (auto at = from; at < from + size; at = at + 1) changed_.insert(at);
  }

  Reading read(bool in_the_copy = false) {
    PageCache earlier{[this](std::span<const Address> pages, std::span<std::byte> out) {
      return fetch_as_before(pages, out);
    }};
    PageCache copy{[this](std::span<const Address> pages, std::span<std::byte> out) {
      return image->fetch(pages, out);
    }};
    EXPECT_TRUE(earlier.prefetch(all_pages()));
    EXPECT_TRUE(copy.prefetch(in_the_copy ? all_pages() : unchanged_pages()));
    copy.freeze(&earlier, true);
    return image->diagnose(copy).value();
  }

  // The task of the cycle that waits for another, and the word in which it says so.
  const snapshot::Task& waiting_task() const {
    const auto& tasks = whole.snapshot.tasks;
    return *std::find_if(tasks.begin(), tasks.end(), [&](const auto& each) {
      return std::any_of(tasks.begin(), tasks.end(),
                         [&](const auto& other) { return other.object == each.waits_for; });
    });
  }
  Address word_of(const snapshot::Task& task) const {
    for (auto at = task.object + 16;; at = at + 8) {
      if (memory::read_as<std::uint64_t>(*image, at).value() == task.waits_for.value) return at;
    }
  }
  // The thread that sits in async_to_sync, and its innermost frame.
  const snapshot::Thread& stuck_thread() const {
    const auto& all = whole.snapshot.threads;
    return *std::find_if(all.begin(), all.end(), [](const auto& each) {
      return each.wait.kind == snapshot::WaitKind::kServeUntil;
    });
  }
  Address frame() const { return stuck_thread().frames.front().frame; }
  // The pool in which that thread works.
  const snapshot::Executor& pool() const {
    const auto& all = whole.snapshot.executors;
    return *std::find_if(all.begin(), all.end(), [&](const auto& each) {
      return each.kind == snapshot::ExecutorKind::kThreadPool &&
             std::count(each.workers.begin(), each.workers.end(), stuck_thread().state) != 0;
    });
  }

 private:
  // All that a reading asks for, there or not.
  std::vector<Address> all_pages() const {
    const PageCache cache{[this](std::span<const Address> pages, std::span<std::byte> out) {
      return image->fetch(pages, out);
    }};
    EXPECT_TRUE(image->diagnose(cache));
    auto pages = cache.asked();
    const auto absent = cache.absent();
    pages.insert(pages.end(), absent.begin(), absent.end());
    return pages;
  }
  std::vector<Address> unchanged_pages() const {
    auto pages = all_pages();
    for (const auto at : changed_) std::erase(pages, page_of(at));
    return pages;
  }
  Result<std::vector<std::size_t>> fetch_as_before(std::span<const Address> pages,
                                                   std::span<std::byte> out) {
    auto unread = image->fetch(pages, out);
    for (std::size_t i = 0; i < pages.size(); ++i) {
      for (const auto at : changed_) {
        if (page_of(at) == pages[i]) out[i * kPageSize + at.value % kPageSize] ^= std::byte{0x5a};
      }
    }
    return unread;
  }

  std::set<Address> changed_;
};

TEST_P(PartlyCopied, IsReadWholeWhereNothingChanged) {
  ASSERT_EQ(whole.diagnosis.verdict, Verdict::kDeadlock);
  const auto found = read();
  EXPECT_EQ(found.snapshot, whole.snapshot);
}

TEST_P(PartlyCopied, SaysThatATaskMovesWhoseOwnBytesChanged) {
  change(word_of(waiting_task()), 8);
  const auto found = read();
  for (const auto& task : found.snapshot.tasks) {
    EXPECT_EQ(task.moves, task.object == waiting_task().object);
  }
  EXPECT_THAT(found.snapshot.missing, IsEmpty());
  EXPECT_EQ(found.diagnosis.verdict, Verdict::kSlow);
}

// Then it is of one moment, and whether it stays so the session will see.
TEST_P(PartlyCopied, LeavesNothingOutThatTheStopCopied) {
  change(word_of(waiting_task()), 8);
  const auto found = read(true);
  EXPECT_EQ(found.snapshot, whole.snapshot);
  EXPECT_EQ(found.diagnosis.verdict, Verdict::kDeadlock);
}

TEST_P(PartlyCopied, SaysThatAThreadMovesThatRanAndWhoseStackChanged) {
  change(frame(), 72);
  image->mark_ran(stuck_thread().tid);
  const auto found = read();
  for (const auto& thread : found.snapshot.threads) {
    EXPECT_EQ(thread.moves, thread.tid == stuck_thread().tid);
  }
  EXPECT_THAT(found.snapshot.missing, IsEmpty());
  EXPECT_NE(found.diagnosis.verdict, Verdict::kDeadlock);
}

TEST_P(PartlyCopied, LacksTheStackOfAThreadThatNeverRan) {
  change(frame(), 72);
  const auto found = read();
  for (const auto& thread : found.snapshot.threads) EXPECT_FALSE(thread.moves);
  EXPECT_THAT(found.snapshot.missing, testing::Contains(HasSubstr("what changed just then")));
  EXPECT_NE(found.diagnosis.verdict, Verdict::kHealthy);
  EXPECT_NE(found.diagnosis.verdict, Verdict::kSlow);
}

TEST_P(PartlyCopied, SaysThatAPoolMovesWhoseQueueChangedAndAWorkerRan) {
  change(pool().queue + 16, 32);
  image->mark_ran(stuck_thread().tid);
  const auto found = read();
  for (const auto& each : found.snapshot.executors) {
    EXPECT_EQ(each.moves, each.object == pool().object);
  }
  EXPECT_THAT(found.snapshot.missing, IsEmpty());
  const auto node = found.diagnosis.graph.find({graph::NodeKind::kExecutor, pool().object});
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(found.diagnosis.graph.at(*node).acts, graph::Acts::kAlone);
}

// New work is queued behind a worker that hangs: that is no sign of life.
TEST_P(PartlyCopied, LacksTheQueueOfAPoolNoneOfWhoseWorkersRan) {
  change(pool().queue + 16, 32);
  const auto found = read();
  for (const auto& each : found.snapshot.executors) EXPECT_FALSE(each.moves);
  EXPECT_THAT(found.snapshot.missing, testing::Contains(HasSubstr("what changed just then")));
}

INSTANTIATE_TEST_SUITE_P(EachMinor, PartlyCopied, testing::Values("3.11", "3.12", "3.13"));

}  // namespace
}  // namespace hangspy::images
