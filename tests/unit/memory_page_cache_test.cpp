#include "memory/page_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "fake_pages.hpp"

namespace hangspy::memory {
namespace {

TEST(PageCache, FetchesEachPageOnce) {
  FakePages target;
  const PageCache cache(target.fetch());
  std::array<std::byte, 8> out{};
  for (std::uint64_t at = 0x1000; at < 0x3000; at += 8) {
    ASSERT_TRUE(cache.read({at}, out));
    EXPECT_TRUE(std::ranges::equal(out, expected(at, 8)));
  }
  EXPECT_EQ(target.fetched, (std::map<std::uint64_t, int>{{0x1000, 1}, {0x2000, 1}}));
  EXPECT_EQ(cache.bytes_read(), 2 * kPageSize);
  EXPECT_EQ(cache.remembered(), pages({0x1000, 0x2000}));
}

TEST(PageCache, ReadsAcrossPagesWithOneFetch) {
  FakePages target;
  const PageCache cache(target.fetch());
  std::vector<std::byte> out(3 * kPageSize);
  ASSERT_TRUE(cache.read({0x1ff0}, out));
  EXPECT_EQ(out, expected(0x1ff0, out.size()));
  EXPECT_EQ(target.calls, 1);
  EXPECT_EQ(target.fetched.size(), 4u);
}

TEST(PageCache, FetchesWhatIsExpectedInOneCallAndLearnsOnlyWhatIsRead) {
  FakePages target;
  target.holes = {0x3000};
  const PageCache cache(target.fetch());
  cache.expect(pages({0x1010, 0x1020, 0x3008, 0x5000}));
  EXPECT_EQ(target.calls, 1);
  std::array<std::byte, 8> bytes{};
  EXPECT_TRUE(cache.read({0x5008}, bytes));
  EXPECT_EQ(cache.read({0x3000}, bytes).error().failure, Failure::kUnmapped);
  EXPECT_EQ(target.calls, 1);
  EXPECT_EQ(cache.remembered(), pages({0x5000}));
  EXPECT_EQ(cache.absent(), pages({0x3000}));
}

TEST(PageCache, LeavesToTheReadWhyWhatWasExpectedIsNotThere) {
  FakePages target;
  target.gone = true;
  const PageCache cache(target.fetch());
  cache.expect(pages({0x1000}));
  std::array<std::byte, 8> bytes{};
  EXPECT_EQ(cache.read({0x1000}, bytes).error().failure, Failure::kGone);
}

TEST(PageCache, LeavesTheBytesAloneWhenOnePageIsAbsent) {
  FakePages target;
  target.holes = {0x2000};
  const PageCache cache(target.fetch());
  std::array<std::byte, 16> out{};
  const auto result = cache.read({0x1ff8}, out);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().failure, Failure::kUnmapped);
  EXPECT_EQ(out, (std::array<std::byte, 16>{}));
  EXPECT_EQ(cache.absent(), pages({0x2000}));
}

TEST(PageCache, AsksForAnAbsentPageOnce) {
  FakePages target;
  target.holes = {0x5000};
  const PageCache cache(target.fetch());
  std::array<std::byte, 1> out{};
  EXPECT_EQ(cache.read({0x5001}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(cache.read({0x5002}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(target.calls, 1);
  EXPECT_TRUE(cache.remembered().empty());
  EXPECT_EQ(cache.bytes_read(), 0u);
}

TEST(PageCache, RefusesToReadAroundTheEndOfMemory) {
  FakePages target;
  const PageCache cache(target.fetch());
  std::array<std::byte, 32> out{};
  EXPECT_EQ(cache.read({UINT64_MAX - 15}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(target.calls, 0);
  EXPECT_TRUE(cache.read({UINT64_MAX - 31}, out));  // up to the last byte is no wrap
}

TEST(PageCache, ReadsNothingFromAnywhere) {
  FakePages target;
  const PageCache cache(target.fetch());
  EXPECT_TRUE(cache.read({UINT64_MAX}, {}));
  EXPECT_EQ(target.calls, 0);
}

TEST(PageCache, ListsWhatAFrozenCopyLacks) {
  FakePages target;
  target.holes = {0x3000};
  PageCache cache(target.fetch());
  ASSERT_TRUE(cache.prefetch(pages({0x1000, 0x2008, 0x3000, 0x1000})));
  EXPECT_EQ(target.calls, 1);
  cache.freeze();
  std::array<std::byte, 8> out{};
  EXPECT_TRUE(cache.read({0x2000}, out));
  EXPECT_EQ(cache.read({0x3000}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(cache.read({0x9010}, out).error().failure, Failure::kNotCopied);
  EXPECT_EQ(cache.read({0x7ffc}, out).error().failure, Failure::kNotCopied);
  EXPECT_EQ(cache.missing(), pages({0x7000, 0x9000}));
  EXPECT_EQ(cache.remembered(), pages({0x2000}));  // 0x1000 is held, but nobody asked
  EXPECT_EQ(target.calls, 1);
  EXPECT_FALSE(cache.prefetch(pages({0x4000})));
}

TEST(PageCache, StopsAtItsBound) {
  FakePages target;
  PageCache cache(target.fetch(), 2);
  std::array<std::byte, 1> out{};
  EXPECT_TRUE(cache.read({0x1000}, out));
  EXPECT_TRUE(cache.read({0x2000}, out));
  EXPECT_EQ(cache.read({0x3000}, out).error().failure, Failure::kLimit);
  EXPECT_EQ(cache.prefetch(pages({0x4000})).error().failure, Failure::kLimit);
  std::vector<std::byte> large(3 * kPageSize);
  EXPECT_EQ(cache.read({0x10000}, large).error().failure, Failure::kLimit);
  EXPECT_TRUE(cache.read({0x1000}, out));
}

TEST(PageCache, TellsThatItRefusedARead) {
  FakePages target;
  target.holes = {0x1000};
  PageCache cache(target.fetch(), 2);
  cache.let_two_fetch();
  std::array<std::byte, 1> out{};
  EXPECT_FALSE(cache.read({0x1000}, out));
  EXPECT_TRUE(cache.read({0x2000}, out));
  cache.expect(pages({0x3000}));
  EXPECT_FALSE(cache.has_refused());  // nothing that lies there was read
  const auto other = cache.beside();
  EXPECT_FALSE(cache.read({0x3000}, out));
  EXPECT_TRUE(cache.has_refused());
  PageCache taker(target.fetch());
  EXPECT_FALSE(other->has_refused());
  std::array<std::byte, 3 * kPageSize> large{};
  EXPECT_FALSE(other->read({0x4000}, large));
  EXPECT_FALSE(other->has_refused());  // whatever the bound, that is too long
  EXPECT_TRUE(other->read({0x4000}, out));
  EXPECT_TRUE(other->read({0x5000}, out));
  EXPECT_FALSE(other->read({0x6000}, out));
  taker.take_in(*other);
  EXPECT_TRUE(taker.has_refused());
}

TEST(PageCache, PassesOnThatTheTargetEndedAndForgetsThePage) {
  FakePages target;
  const PageCache cache(target.fetch());
  std::array<std::byte, 1> out{};
  target.gone = true;
  EXPECT_EQ(cache.read({0x1000}, out).error().failure, Failure::kGone);
  target.gone = false;
  EXPECT_TRUE(cache.read({0x1000}, out));
}

TEST(PageCache, FetchesWhatWasPlannedAndAddedInOneCall) {
  FakePages target;
  PageCache cache(target.fetch());
  auto batch = cache.plan(pages({0x1000, 0x3000}), 2);
  ASSERT_TRUE(batch);
  batch->add({0x3008});  // planned already
  batch->add({0x2000});
  batch->add({0x2fff});  // added already
  batch->add({0x4000});
  batch->add({0x5000});  // no room is left
  EXPECT_EQ(batch->size(), 4u);
  ASSERT_TRUE(cache.fetch(*batch));
  cache.keep(*batch);
  EXPECT_EQ(target.calls, 1);
  cache.freeze();
  std::vector<std::byte> out(4 * kPageSize);
  ASSERT_TRUE(cache.read({0x1000}, out));
  EXPECT_EQ(out, expected(0x1000, out.size()));
  EXPECT_EQ(cache.read({0x5000}, out).error().failure, Failure::kNotCopied);
}

TEST(PageCache, LeavesOutOfTheNextFetchWhatCannotBeRead) {
  FakePages target;
  target.holes = {0x1000, 0x3000};
  PageCache cache(target.fetch());
  auto batch = cache.plan(pages({0x1000, 0x2000, 0x3000, 0x4000})).value();
  ASSERT_TRUE(cache.fetch(batch));
  EXPECT_EQ(batch.leave_out_unread(), pages({}));
  EXPECT_EQ(batch.size(), 2u);
  target.fetched.clear();
  ASSERT_TRUE(cache.fetch(batch));
  EXPECT_EQ(target.fetched, (std::map<std::uint64_t, int>{{0x2000, 1}, {0x4000, 1}}));
  cache.keep(batch);
  cache.freeze();
  std::array<std::byte, 8> out{};
  ASSERT_TRUE(cache.read({0x4000}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x4000, 8));
  EXPECT_EQ(cache.read({0x3000}, out).error().failure, Failure::kUnmapped);
}

TEST(PageCache, KeepsWhatWasGivenBackAndAddedAgain) {
  FakePages target;
  target.holes = {0x1000, 0x3000, 0x4000, 0x5000};
  PageCache cache(target.fetch());
  auto batch = cache.plan(pages({0x1000, 0x2000, 0x3000, 0x4000, 0x5000})).value();
  ASSERT_TRUE(cache.fetch(batch));
  const auto given_back = batch.leave_out_unread({{0x1000}, {0x3000}, {0x4000}});
  ASSERT_EQ(given_back, pages({0x1000, 0x3000, 0x4000}));
  batch.add({0x1000});
  batch.add({0x3000});
  target.holes = {0x3000};  // memory came to the others
  ASSERT_TRUE(cache.fetch(batch));
  cache.keep(batch);
  cache.freeze();
  std::array<std::byte, 8> out{};
  ASSERT_TRUE(cache.read({0x1000}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x1000, 8));
  EXPECT_EQ(cache.read({0x3000}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(cache.read({0x4000}, out).error().failure, Failure::kNotCopied);
  EXPECT_EQ(cache.read({0x5000}, out).error().failure, Failure::kUnmapped);
}

TEST(PageCache, KnowsWhatWasReadOnlyAsLasting) {
  FakePages target;
  const PageCache cache(target.fetch());
  std::array<std::byte, 8> out{};
  ASSERT_TRUE(cache.read({0x1000}, out));
  ASSERT_TRUE(cache.read_lasting({0x1010}, out));
  ASSERT_TRUE(cache.read_lasting({0x2000}, out));
  EXPECT_EQ(cache.remembered(), pages({0x1000}));
  EXPECT_EQ(cache.lasting(), pages({0x2000}));
  EXPECT_EQ(cache.asked(), pages({0x1000, 0x2000}));
}

TEST(PageCache, HasAtHandWhatLiesInOnePieceOnAPageThatWasRead) {
  FakePages target;
  const PageCache cache(target.fetch());
  EXPECT_EQ(cache.at_hand({0x1010}, 8), nullptr);
  std::array<std::byte, 8> out{};
  ASSERT_TRUE(cache.read({0x1ff0}, out));
  const auto* found = cache.at_hand({0x1ff8}, 8);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(std::vector(found, found + 8), expected(0x1ff8, 8));
  EXPECT_EQ(cache.at_hand({0x1ff9}, 8), nullptr);
  ASSERT_TRUE(cache.read_lasting({0x2000}, out));
  EXPECT_EQ(cache.at_hand({0x2000}, 8), nullptr);  // or it would not be remembered
}

TEST(PageCache, TellsWhichPagesAreNotAsTheyAreHeld) {
  FakePages target;
  PageCache cache(target.fetch());
  ASSERT_TRUE(cache.prefetch(pages({0x1000, 0x2000, 0x3000, 0x5000})));
  target.written[0x2fff] = std::byte{0xee};
  target.holes.insert(0x3000);
  const auto changed = cache.changed(pages({0x1000, 0x2000, 0x3000, 0x4000}));
  EXPECT_EQ(changed.value(), pages({0x2000, 0x3000, 0x4000}));
  EXPECT_EQ(cache.bytes_read(), (4 + 3) * kPageSize);
  std::array<std::byte, 1> out{};
  ASSERT_TRUE(cache.read({0x2fff}, out));
  EXPECT_EQ(out[0], FakePages::byte_at(0x2fff));
}

class PageCacheThatLetsGo : public testing::Test {
 protected:
  static constexpr std::uint64_t kPages = 2048;
  static constexpr std::size_t kHeld = 256;

  void SetUp() override {
    cache.hold_at_most(kHeld);
    target.holes = {5 * kPageSize};
    for (std::uint64_t page = 0; page < kPages; ++page) {
      const bool is_there = cache.read({page * kPageSize + 8}, out).has_value();
      ASSERT_EQ(is_there, !target.holes.contains(page * kPageSize));
    }
  }

  FakePages target;
  PageCache cache{target.fetch()};
  std::array<std::byte, 8> out{};
};

TEST_F(PageCacheThatLetsGo, FetchesAgainWhatItNoLongerHolds) {
  EXPECT_FALSE(cache.holds({0x1000}));
  EXPECT_EQ(cache.at_hand({0x1000}, 8), nullptr);
  ASSERT_TRUE(cache.read({0x1010}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x1010, 8));
  EXPECT_EQ(target.fetched.at(0x1000), 2);
  EXPECT_EQ(target.fetched.at((kPages - 1) * kPageSize), 1);
  ASSERT_TRUE(cache.read({(kPages - 1) * kPageSize}, out));
  EXPECT_EQ(target.fetched.at((kPages - 1) * kPageSize), 1);
}

TEST_F(PageCacheThatLetsGo, HasNothingAtHandThatItLetGo) {
  ASSERT_TRUE(cache.read({0x1000}, out));
  ASSERT_NE(cache.at_hand({0x1000}, 8), nullptr);
  std::vector<Address> others;
  for (std::uint64_t page = kPages; page < 2 * kPages; ++page) others.push_back({page * kPageSize});
  cache.expect(std::span(others).first(kHeld / 2));
  cache.expect(std::span(others).subspan(kHeld / 2, kHeld));
  EXPECT_FALSE(cache.holds({0x1000}));
  EXPECT_EQ(cache.at_hand({0x1000}, 8), nullptr);
  ASSERT_TRUE(cache.read({0x1000}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x1000, 8));
}

TEST_F(PageCacheThatLetsGo, HoldsNoMoreThanItsBound) {
  std::size_t held = 0;
  for (std::uint64_t page = 0; page < kPages; ++page) held += cache.holds({page * kPageSize});
  EXPECT_LE(held, kHeld);
  EXPECT_GT(held, kHeld / 2);
}

TEST_F(PageCacheThatLetsGo, RemembersAllThatItWasAskedFor) {
  EXPECT_EQ(cache.remembered().size(), kPages - 1);
  EXPECT_EQ(cache.absent(), pages({5 * kPageSize}));
  EXPECT_EQ(cache.read({5 * kPageSize}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(target.fetched.at(5 * kPageSize), 1);
}

TEST_F(PageCacheThatLetsGo, ReadsAcrossMoreThanItHolds) {
  std::vector<std::byte> all(2 * kHeld * kPageSize);
  ASSERT_TRUE(cache.read({0x10008}, all));
  EXPECT_EQ(all, expected(0x10008, all.size()));
  ASSERT_TRUE(cache.read({0x1000}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x1000, 8));
}

TEST_F(PageCacheThatLetsGo, CountsAPageOnceTowardsWhatMayBeNeeded) {
  PageCache bounded(target.fetch(), kPages);
  bounded.hold_at_most(kHeld);
  for (std::uint64_t page = 0; page < 2 * kPages; ++page) {
    static_cast<void>(bounded.read({page % kPages * kPageSize}, out));
  }
  EXPECT_TRUE(bounded.read({0x1000}, out));
  EXPECT_EQ(bounded.read({kPages * kPageSize}, out).error().failure, Failure::kLimit);
}

TEST(PageCache, IsReadByOneThreadAloneUnlessTwoMayFetch) {
  FakePages target;
  PageCache cache(target.fetch());
  EXPECT_EQ(cache.beside(), nullptr);
  cache.let_two_fetch();
  EXPECT_NE(cache.beside(), nullptr);
  cache.freeze();
  EXPECT_EQ(cache.beside(), nullptr);  // the other would be of another moment
}

TEST(PageCache, CountsWhatWasAskedForBesideIt) {
  FakePages target;
  target.holes = {0x3000};
  PageCache cache(target.fetch());
  cache.let_two_fetch();
  std::array<std::byte, 8> out{};
  ASSERT_TRUE(cache.read({0x1000}, out));
  const auto other = cache.beside();
  ASSERT_TRUE(other->read({0x2000}, out));
  ASSERT_FALSE(other->read({0x3000}, out));
  ASSERT_TRUE(other->read_lasting({0x4000}, out));
  ASSERT_TRUE(other->read({0x1008}, out));
  cache.take_in(*other);
  EXPECT_EQ(cache.remembered(), pages({0x1000, 0x2000}));
  EXPECT_EQ(cache.absent(), pages({0x3000}));
  EXPECT_EQ(cache.lasting(), pages({0x4000}));
  EXPECT_EQ(cache.bytes_read(), 4 * kPageSize);
  EXPECT_FALSE(cache.holds({0x2000}));
  ASSERT_TRUE(cache.read({0x2010}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x2010, 8));
}

}  // namespace
}  // namespace hangspy::memory
