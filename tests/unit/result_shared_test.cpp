#include "hangspy/shared.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace hangspy {
namespace {

// Says how many of it there are.
struct Counted {
  explicit Counted(int& count) : alive(&count) { ++*alive; }
  Counted(Counted&& other) noexcept : alive(std::exchange(other.alive, nullptr)) {}
  ~Counted() {
    if (alive != nullptr) --*alive;
  }
  int* alive;
};

TEST(Shared, IsOneWordAndNullWithoutAValue) {
  EXPECT_EQ(sizeof(Shared<std::string>), sizeof(void*));
  EXPECT_EQ(Shared<std::string>().get(), nullptr);
}

TEST(Shared, IsTheSameValueInEveryCopy) {
  const Shared<std::string> first(std::string("x"));
  const Shared<std::string> second = first;
  EXPECT_EQ(first.get(), second.get());
  EXPECT_EQ(*second.get(), "x");
}

TEST(Shared, LivesAsLongAsItsLastOwner) {
  int alive = 0;
  {
    Shared<Counted> first{Counted(alive)};
    Shared<Counted> second = first;
    first = Shared<Counted>();
    EXPECT_EQ(alive, 1);
    const auto third = std::move(second);
    EXPECT_EQ(second.get(), nullptr);  // NOLINT(bugprone-use-after-move)
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

TEST(Shared, KeepsItsValueWhenItIsGivenToItself) {
  int alive = 0;
  Shared<Counted> only{Counted(alive)};
  const auto& same = only;
  only = same;
  EXPECT_EQ(alive, 1);
  EXPECT_NE(only.get(), nullptr);
}

TEST(Shared, MayBeGivenToOtherThreads) {
  int alive = 0;
  {
    const Shared<Counted> one{Counted(alive)};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([copy = one] {
        for (int round = 0; round < 10'000; ++round) const auto another = copy;
      });
    }
    for (auto& each : threads) each.join();
    EXPECT_EQ(alive, 1);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace hangspy
