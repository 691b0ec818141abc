// A run that asks no limit is ended all the same, and one that ends in time is left alone.
#include "cli/watchdog.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

namespace hangspy::cli {
namespace {

using namespace std::chrono_literals;

TEST(Watchdog, EndsALoopThatOnlyComputes) {
  EXPECT_EXIT(
      {
        const Watchdog watchdog(1ms, [] { ::_exit(3); });
        std::atomic<std::uint64_t> steps = 0;
        for (;;) ++steps;
      },
      testing::ExitedWithCode(3), "");
}

TEST(Watchdog, LeavesARunAloneThatEnds) {
  std::atomic<bool> given_up = false;
  {
    const Watchdog watchdog(1h, [&] { given_up = true; });
  }
  EXPECT_FALSE(given_up);
}

}  // namespace
}  // namespace hangspy::cli
