// A walk that leads round in a circle is found out, and no other.
#include "python/walk.hpp"

#include <gtest/gtest.h>

namespace hangspy::python {
namespace {

// The step at which it is known, of a walk that after `before` steps goes round in `circle`.
std::uint64_t found_at(std::uint64_t before, std::uint64_t circle) {
  Walk walk;
  for (std::uint64_t step = 0;; ++step) {
    const auto at = step < before ? step : before + (step - before) % circle;
    if (walk.comes_round({0x1000 + 8 * at})) return step;
  }
}

TEST(Walk, IsKnownToComeRoundSoonAfterItDoes) {
  for (std::uint64_t before = 0; before < 40; ++before) {
    for (std::uint64_t circle = 1; circle < 40; ++circle) {
      const auto step = found_at(before, circle);
      EXPECT_GE(step, before + circle);
      EXPECT_LE(step, 3 * std::max(before, circle) + 1) << before << " " << circle;
    }
  }
}

TEST(Walk, ThatGoesStraightOnNeverComesRound) {
  Walk walk;
  for (std::uint64_t step = 0; step < 10'000; ++step) {
    EXPECT_FALSE(walk.comes_round({0x1000 + 8 * step}));
  }
}

}  // namespace
}  // namespace hangspy::python
