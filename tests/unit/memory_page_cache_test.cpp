#include "memory/page_cache.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <vector>

namespace hangspy::memory {
namespace {

// A target whose byte at each address is a function of the address, with holes.
class FakePages {
 public:
  FetchPages fetch() {
    return [this](std::span<const Address> pages,
                  std::span<std::byte> out) -> Result<std::vector<std::size_t>> {
      ++calls;
      if (gone) return fail(Failure::kGone, "ended");
      std::vector<std::size_t> unread;
      for (std::size_t i = 0; i < pages.size(); ++i) {
        EXPECT_EQ(pages[i].value % kPageSize, 0u);
        ++fetched[pages[i].value];
        if (holes.contains(pages[i].value)) {
          unread.push_back(i);
          continue;
        }
        for (std::uint64_t at = 0; at < kPageSize; ++at) {
          out[i * kPageSize + at] = byte_at(pages[i].value + at);
        }
        for (const auto& [at, byte] : written) {
          if (at / kPageSize == pages[i].value / kPageSize) {
            out[i * kPageSize + at % kPageSize] = byte;
          }
        }
      }
      return unread;
    };
  }
  static std::byte byte_at(std::uint64_t at) { return static_cast<std::byte>((at * 31) >> 3); }

  std::map<std::uint64_t, std::byte> written;  // since
  std::map<std::uint64_t, int> fetched;
  std::set<std::uint64_t> holes;
  int calls = 0;
  bool gone = false;
};

std::vector<std::byte> expected(std::uint64_t at, std::size_t length) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < length; ++i) bytes.push_back(FakePages::byte_at(at + i));
  return bytes;
}

std::vector<Address> pages(std::initializer_list<std::uint64_t> values) {
  std::vector<Address> addresses;
  for (const std::uint64_t value : values) addresses.push_back({value});
  return addresses;
}

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

class PageCacheOfAStop : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(earlier.prefetch(pages({0x1000, 0x2000})));
    ASSERT_TRUE(copy.prefetch(pages({0x8000})));
    copy.freeze(&earlier);
  }

  FakePages target;
  PageCache earlier{target.fetch()};
  PageCache copy{target.fetch()};
  std::array<std::byte, 8> out{};
};

TEST_F(PageCacheOfAStop, TakesWhatLastsFromBefore) {
  ASSERT_TRUE(copy.read_lasting({0x1ffc}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x1ffc, 8));
  EXPECT_EQ(copy.borrowed(), pages({}));
}

TEST_F(PageCacheOfAStop, BorrowsWhatMayHaveChangedAndChangedBack) {
  ASSERT_TRUE(copy.read({0x1ffc}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x1ffc, 8));
  EXPECT_EQ(copy.borrowed(), pages({0x1000, 0x2000}));
  EXPECT_EQ(copy.torn(), pages({}));
  EXPECT_EQ(copy.motion(), Motion{});
}

TEST_F(PageCacheOfAStop, CountsTheReadsOfBytesThatAreOthersNow) {
  target.written[0x2003] = std::byte{0xee};
  ASSERT_TRUE(copy.read({0x2008}, out));
  EXPECT_EQ(copy.motion(), Motion{});
  ASSERT_TRUE(copy.read({0x1ffc}, out));
  ASSERT_TRUE(copy.read_lasting({0x2000}, out));
  EXPECT_EQ(out[3], std::byte{0xee});
  EXPECT_EQ(copy.motion(), (Motion{.torn = 2, .fresh = 2}));
  EXPECT_EQ(copy.torn(), pages({0x2000}));
  EXPECT_EQ(copy.borrowed(), pages({0x1000, 0x2000}));
}

TEST_F(PageCacheOfAStop, FetchesAPageThatItDoesNotHoldOnce) {
  target.fetched.clear();
  ASSERT_TRUE(copy.read({0x1000}, out));
  ASSERT_TRUE(copy.read_lasting({0x1100}, out));
  EXPECT_EQ(target.fetched, (std::map<std::uint64_t, int>{{0x1000, 1}}));
  EXPECT_EQ(copy.bytes_read(), 2 * kPageSize);
}

TEST_F(PageCacheOfAStop, HasNothingAtHandThatItBorrows) {
  ASSERT_TRUE(copy.read({0x1000}, out));
  EXPECT_EQ(copy.at_hand({0x1000}, 8), nullptr);
}

TEST_F(PageCacheOfAStop, LacksWhatWasCopiedNeitherBeforeNorInIt) {
  EXPECT_EQ(copy.read({0x3000}, out).error().failure, Failure::kNotCopied);
  EXPECT_EQ(copy.missing(), pages({0x3000}));
  EXPECT_EQ(copy.borrowed(), pages({}));
}

TEST_F(PageCacheOfAStop, LacksWhatCannotBeReadAnyMore) {
  target.holes.insert(0x1000);
  EXPECT_EQ(copy.read({0x1000}, out).error().failure, Failure::kNotCopied);
  EXPECT_EQ(copy.missing(), pages({0x1000}));
}

// The same, where all that may move was copied before.
class PageCacheThatKnowsWhatWas : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(earlier.prefetch(pages({0x1000, 0x2000})));
    target.written[0x1003] = std::byte{0xee};
    ASSERT_TRUE(copy.prefetch(pages({0x1000, 0x8000})));
    copy.freeze(&earlier, true);
  }

  FakePages target;
  PageCache earlier{target.fetch()};
  PageCache copy{target.fetch()};
  std::array<std::byte, 8> out{};
};

TEST_F(PageCacheThatKnowsWhatWas, CountsWhatIsOfTheMomentAndWasOtherBefore) {
  ASSERT_TRUE(copy.read({0x1008}, out));
  ASSERT_TRUE(copy.read_lasting({0x1000}, out));
  EXPECT_EQ(copy.motion(), Motion{});
  ASSERT_TRUE(copy.read({0x1000}, out));
  EXPECT_EQ(copy.motion(), (Motion{.torn = 0, .fresh = 1}));
  ASSERT_TRUE(copy.read({0x8000}, out));  // nobody knew of it before
  EXPECT_EQ(copy.motion(), (Motion{.torn = 0, .fresh = 2}));
  EXPECT_EQ(copy.torn(), pages({}));
  EXPECT_EQ(copy.borrowed(), pages({}));
}

TEST_F(PageCacheThatKnowsWhatWas, GivesWhatIsNewAsItIsNow) {
  ASSERT_TRUE(copy.read({0x3000}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x3000, 8));
  EXPECT_EQ(copy.motion(), (Motion{.torn = 1, .fresh = 1}));
  EXPECT_EQ(copy.torn(), pages({0x3000}));
  EXPECT_EQ(copy.missing(), pages({}));
}

TEST_F(PageCacheThatKnowsWhatWas, TakesWhatIsGoneForMoved) {
  target.holes = {0x2000, 0x4000};
  EXPECT_EQ(copy.read({0x2000}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(copy.read({0x4000}, out).error().failure, Failure::kUnmapped);
  EXPECT_EQ(copy.motion(), (Motion{.torn = 2, .fresh = 2}));
  EXPECT_EQ(copy.missing(), pages({}));
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

TEST_F(PageCacheOfAStop, FetchesLateWhatLastsAndWasNotThere) {
  ASSERT_TRUE(copy.read_lasting({0x3000}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x3000, 8));
  EXPECT_EQ(copy.borrowed(), pages({0x3000}));
  EXPECT_EQ(copy.missing(), pages({}));
}

}  // namespace
}  // namespace hangspy::memory
