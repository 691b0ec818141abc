// What of a worker is taken to move, when a stop copied only a part of it: memory images of real
// workers, some of whose bytes were others before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "image.hpp"
#include "memory/page_cache.hpp"
#include "python/layouts/layouts.hpp"

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

// A stop that copied all but the pages which changed shortly before.
class PartlyCopied : public testing::TestWithParam<const char*> {
 protected:
  std::unique_ptr<Image> image;
  Reading whole;

  // Of a worker that hangs in this page.
  void of(const std::string& name) {
    image =
        Image::load(std::string(HANGSPY_IMAGES "/") + GetParam() + "-" + name + ".image").value();
    whole = image->diagnose().value();
    all_pages_ = all_pages();
  }

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
    EXPECT_TRUE(earlier.prefetch(all_pages_));
    EXPECT_TRUE(copy.prefetch(in_the_copy ? all_pages_ : unchanged_pages()));
    copy.freeze(&earlier, true);
    return image->diagnose(copy, known_).value();
  }

  // What is read from now on leads past the second thread state.
  void cut_out(Address before, Address state) {
    for (const std::uint64_t at : {0U, 8U}) {  // prev, next; Include/cpython/pystate.h
      const auto word = memory::read_as<std::uint64_t>(*image, before + at).value();
      if (word != state.value) continue;
      const auto behind = memory::read_as<std::uint64_t>(*image, state + at).value();
      image->write(before + at, std::as_bytes(std::span(&behind, 1)));
    }
  }
  // Nothing refers to the object any more, weakly or not.
  void forget(Address object) {
    const std::uint64_t none = 0;
    for (const auto& range : image->ranges()) {
      for (auto at = range.at; at < range.at + range.size; at = at + 8) {
        const auto word = memory::read_as<std::uint64_t>(*image, at).value();
        if (word == object.value) image->write(at, std::as_bytes(std::span(&none, 1)));
      }
    }
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
  // The thread that waits in async_to_sync in the middle of its work, its innermost frame, and that
  // of its outermost such wait.
  const snapshot::Thread& waiting_thread() const {
    const auto& all = whole.snapshot.threads;
    return *std::find_if(all.begin(), all.end(), [](const auto& each) {
      return each.wait.kind == snapshot::WaitKind::kServeUntil;
    });
  }
  Address frame() const { return waiting_thread().frames.front().frame; }
  Address outermost_wait() const {
    Address found;
    for (const auto& each : waiting_thread().frames) {
      if (each->landmark == "CurrentThreadExecutor.run_until_future") found = each.frame;
    }
    return found;
  }
  // The pool in which that thread works.
  const snapshot::Executor& pool() const {
    const auto& all = whole.snapshot.executors;
    return *std::find_if(all.begin(), all.end(), [&](const auto& each) {
      return each.kind == snapshot::ExecutorKind::kThreadPool &&
             std::count(each.workers.begin(), each.workers.end(), waiting_thread().state) != 0;
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
    auto pages = all_pages_;
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

  std::vector<Address> all_pages_;
  std::set<Address> changed_;

 protected:
  python::Known known_;
};

TEST_P(PartlyCopied, IsReadWholeWhereNothingChanged) {
  of("stacked");
  ASSERT_EQ(whole.diagnosis.verdict, Verdict::kDeadlock);
  const auto found = read();
  EXPECT_EQ(found.snapshot, whole.snapshot);
}

TEST_P(PartlyCopied, SaysThatATaskMovesWhoseOwnBytesChanged) {
  of("stacked");
  change(word_of(waiting_task()), 8);
  const auto found = read();
  for (const auto& task : found.snapshot.tasks) {
    EXPECT_EQ(task.moves, task.object == waiting_task().object);
  }
  EXPECT_THAT(found.snapshot.missing, IsEmpty());
  EXPECT_EQ(found.diagnosis.verdict, Verdict::kSlow);
}

// Anybody may name it, or ask it to end; it goes on only by steps of its own.
TEST_P(PartlyCopied, TakesNoNewNameAndNoCancelForAStep) {
  of("stacked");
  const auto minor = image->minor();
  const auto field = python::layouts::layout_of(3, minor, false).value().layout.task;
  change(waiting_task().object + field.name, 8);
  change(waiting_task().object + field.cancels_requested, 4);
  const auto found = read();
  for (const auto& task : found.snapshot.tasks) EXPECT_FALSE(task.moves);
  EXPECT_EQ(found.diagnosis.verdict, Verdict::kDeadlock);
}

// Then it is of one moment, and whether it stays so the session will see.
TEST_P(PartlyCopied, LeavesNothingOutThatTheStopCopied) {
  of("stacked");
  change(word_of(waiting_task()), 8);
  const auto found = read(true);
  EXPECT_EQ(found.snapshot, whole.snapshot);
  EXPECT_EQ(found.diagnosis.verdict, Verdict::kDeadlock);
}

TEST_P(PartlyCopied, SaysThatAThreadMovesThatRanAndWhoseStackChanged) {
  of("stacked");
  change(frame(), 72);
  change(outermost_wait(), 72);
  image->mark_ran(waiting_thread().tid);
  const auto found = read();
  for (const auto& thread : found.snapshot.threads) {
    EXPECT_EQ(thread.moves, thread.tid == waiting_thread().tid);
  }
  EXPECT_THAT(found.snapshot.missing, IsEmpty());
  EXPECT_NE(found.diagnosis.verdict, Verdict::kDeadlock);
}

TEST_P(PartlyCopied, LacksTheStackOfAThreadThatNeverRan) {
  of("stacked");
  change(frame(), 72);
  const auto found = read();
  for (const auto& thread : found.snapshot.threads) EXPECT_FALSE(thread.moves);
  EXPECT_THAT(found.snapshot.missing, testing::Contains(HasSubstr("what changed just then")));
  EXPECT_NE(found.diagnosis.verdict, Verdict::kHealthy);
  EXPECT_NE(found.diagnosis.verdict, Verdict::kSlow);
}

// It runs whenever it serves somebody, however long its own wait lasts.
TEST_P(PartlyCopied, LacksTheStackOfAThreadThatServesOthers) {
  of("stacked");
  change(frame(), 72);
  image->mark_ran(waiting_thread().tid);
  const auto found = read();
  for (const auto& thread : found.snapshot.threads) EXPECT_FALSE(thread.moves);
  EXPECT_THAT(found.snapshot.missing, testing::Contains(HasSubstr("what changed just then")));
}

TEST_P(PartlyCopied, SaysThatAPoolMovesWhoseQueueChangedAndAWorkerWentOn) {
  of("stacked");
  change(pool().queue + 16, 32);
  change(outermost_wait(), 72);
  image->mark_ran(waiting_thread().tid);
  const auto found = read();
  for (const auto& each : found.snapshot.executors) {
    EXPECT_EQ(each.moves, each.object == pool().object);
  }
  EXPECT_THAT(found.snapshot.missing, IsEmpty());
  const auto node = found.diagnosis.graph.find({graph::NodeKind::kExecutor, pool().object});
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(found.diagnosis.graph.at(*node).acts, graph::Acts::kAlone);
}

// New work is queued behind a worker that hangs: that is no sign of life, nor is it that the worker
// was woken and stands where it stood.
TEST_P(PartlyCopied, LacksTheQueueOfAPoolWhoseWorkersStandWhereTheyStood) {
  of("stacked");
  change(pool().queue + 16, 32);
  for (const bool ran : {false, true}) {
    if (ran) image->mark_ran(waiting_thread().tid);
    const auto found = read();
    for (const auto& each : found.snapshot.executors) EXPECT_FALSE(each.moves);
    EXPECT_THAT(found.snapshot.missing, testing::Contains(HasSubstr("what changed just then")));
  }
}

// Of the executors of one thread only the innermost is served.
TEST_P(PartlyCopied, SaysThatOnlyAnExecutorMovesThatItsThreadServes) {
  of("stacked");
  for (const auto& executor : whole.snapshot.executors) {
    if (executor.kind != snapshot::ExecutorKind::kCurrentThread) continue;
    change(executor.object + 16, 48);
  }
  image->mark_ran(waiting_thread().tid);
  const auto found = read();
  for (const auto& each : found.snapshot.executors) {
    EXPECT_FALSE(each.moves && !each.serves) << to_hex(each.object);
  }
}

TEST_P(PartlyCopied, MissesAThreadThatTheListLeadsPast) {
  of("stacked");
  const auto& all = whole.snapshot.threads;
  const auto& main = all.front();  // the oldest, and the last of the list
  known_.threads = {main.tid, 1};
  EXPECT_THAT(read().snapshot.missing, IsEmpty());
  for (const auto& each : all) cut_out(each.state, main.state);
  const auto found = read();
  EXPECT_THAT(found.snapshot.missing,
              testing::Contains(HasSubstr("thread " + std::to_string(main.tid))));
  EXPECT_NE(found.diagnosis.verdict, Verdict::kHealthy);
  EXPECT_NE(found.diagnosis.verdict, Verdict::kSlow);
}

TEST_P(PartlyCopied, MissesATaskThatIsPendingAndInNoSet) {
  of("stacked");
  for (const auto& task : whole.snapshot.tasks) known_.tasks.push_back(task.object);
  known_.tasks.push_back({0x1000});  // it has ended, and its memory is somebody else's
  EXPECT_THAT(read().snapshot.missing, IsEmpty());
  forget(waiting_task().object);
  EXPECT_THAT(read().snapshot.missing, testing::Contains("tasks that were there just before"));
}

INSTANTIATE_TEST_SUITE_P(EachMinor, PartlyCopied, testing::Values("3.11", "3.12", "3.13"));

}  // namespace
}  // namespace hangspy::images
