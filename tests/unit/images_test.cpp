// The memory images of real workers give the verdict of the page that their worker was in.
#include "image.hpp"

#include <gtest/gtest.h>

#include "memory/page_cache.hpp"

namespace hangspy::images {
namespace {

using diagnosis::Certainty;
using diagnosis::Verdict;

struct Expected {
  const char* page;
  Verdict verdict;
  Certainty certainty;
  const char* rule;
};

void PrintTo(const Expected& expected, std::ostream* out) {
  *out << expected.page;
}

constexpr Expected kExpected[] = {
    {"ok", Verdict::kHealthy, Certainty::kNone, ""},
    {"slow-query", Verdict::kSlow, Certainty::kNone, ""},
    {"stacked", Verdict::kDeadlock, Certainty::kProven, "stacked-current-thread-executor"},
    {"stacked-ok", Verdict::kSlow, Certainty::kNone, ""},
    {"event", Verdict::kDeadlock, Certainty::kLikely, "event-behind-its-setter"},
    {"bridge", Verdict::kDeadlock, Certainty::kProven, "thread-sensitive-nesting"},
    {"bridge-ok", Verdict::kSlow, Certainty::kNone, ""},
    {"on-loop", Verdict::kDeadlock, Certainty::kProven, "loop-waits-for-itself"},
    {"gather", Verdict::kDeadlock, Certainty::kProven, "thread-sensitive-nesting"},
};

class RecordedImage : public testing::TestWithParam<std::tuple<const char*, Expected>> {
 protected:
  void SetUp() override {
    const auto& [minor, expected] = GetParam();
    const auto path = std::string(HANGSPY_IMAGES "/") + minor + "-" + expected.page + ".image";
    auto loaded = Image::load(path);
    ASSERT_TRUE(loaded) << loaded.error().what;
    image = std::move(*loaded);
  }

  std::unique_ptr<Image> image;
};

TEST_P(RecordedImage, GivesTheVerdictOfItsPage) {
  const auto& expected = std::get<Expected>(GetParam());
  const auto reading = image->diagnose();
  ASSERT_TRUE(reading) << reading.error().what;
  const auto& found = reading->diagnosis;
  EXPECT_EQ(diagnosis::name_of(found.verdict), diagnosis::name_of(expected.verdict));
  EXPECT_EQ(diagnosis::name_of(found.certainty), diagnosis::name_of(expected.certainty));
  EXPECT_EQ(found.rule, expected.rule);
  EXPECT_TRUE(found.missing.empty()) << found.missing.front();
}

// A read that is refused is taken for a thing that is not there, in many places. It must not look
// as if all had been read.
TEST_P(RecordedImage, IsNeverHealthyForWhatABoundRefused) {
  const auto fetch = [&](std::span<const Address> pages, std::span<std::byte> out) {
    return image->fetch(pages, out);
  };
  memory::PageCache unbound(fetch);
  ASSERT_TRUE(image->diagnose(unbound));
  const auto enough = unbound.asked().size() + unbound.absent().size();
  std::size_t refused = 0;  // and judged all the same
  // The less is refused, the more is judged.
  for (std::size_t lacks = 1; lacks < enough; lacks += 1 + lacks / 2) {
    const auto bound = enough - lacks;
    memory::PageCache cache(fetch, bound);
    cache.hold_at_most(bound / 8);
    const auto reading = image->diagnose(cache);
    if (!cache.has_refused() || !reading) continue;
    ++refused;
    EXPECT_FALSE(reading->diagnosis.missing.empty()) << bound;
    EXPECT_NE(reading->diagnosis.verdict, Verdict::kHealthy) << bound;
    EXPECT_NE(reading->diagnosis.verdict, Verdict::kSlow) << bound;
  }
  EXPECT_GT(refused, 0U);
}

INSTANTIATE_TEST_SUITE_P(EachMinor, RecordedImage,
                         testing::Combine(testing::Values("3.11", "3.12", "3.13"),
                                          testing::ValuesIn(kExpected)));

}  // namespace
}  // namespace hangspy::images
