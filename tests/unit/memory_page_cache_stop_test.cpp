// A cache of a stop: what it copied, and what it takes from before and after.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "fake_pages.hpp"

namespace hangspy::memory {
namespace {

class CopyAndWhatWasBefore : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(earlier.prefetch(pages({0x1000, 0x2000}))); }

  FakePages target;
  PageCache earlier{target.fetch()};
  PageCache copy{target.fetch()};
  std::array<std::byte, 8> out{};
};

class PageCacheOfAStop : public CopyAndWhatWasBefore {
 protected:
  void SetUp() override {
    CopyAndWhatWasBefore::SetUp();
    ASSERT_TRUE(copy.prefetch(pages({0x8000})));
    copy.freeze(&earlier);
  }
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
class PageCacheThatKnowsWhatWas : public CopyAndWhatWasBefore {
 protected:
  void SetUp() override {
    CopyAndWhatWasBefore::SetUp();
    target.written[0x1003] = std::byte{0xee};
    ASSERT_TRUE(copy.prefetch(pages({0x1000, 0x8000})));
    copy.freeze(&earlier, true);
  }
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

TEST_F(PageCacheOfAStop, FetchesLateWhatLastsAndWasNotThere) {
  ASSERT_TRUE(copy.read_lasting({0x3000}, out));
  EXPECT_EQ(std::vector(out.begin(), out.end()), expected(0x3000, 8));
  EXPECT_EQ(copy.borrowed(), pages({0x3000}));
  EXPECT_EQ(copy.missing(), pages({}));
}

}  // namespace
}  // namespace hangspy::memory
