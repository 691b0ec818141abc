// _Py_DebugOffsets of 3.13: what the target says replaces the table, or is refused with both
// numbers. The bytes are those that gdb prints of _PyRuntime.debug_offsets in a 3.13.0.
#include "python/layouts/debug_offsets.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>

#include "python/layouts/cpython_3_13.hpp"

namespace hangspy::python::layouts {
namespace {

using Words = std::array<std::uint64_t, 73>;

constexpr Words kOf3_13_0{
    0x7970677562656478,  // "xdebugpy"
    0x030d00f0,
    0,
    283320,
    608,
    632,  // runtime
    194968,
    7272,
    7264,
    7344,
    7400,
    7656,
    7640,
    7648,
    16,
    7752,
    0,
    7768,
    7760,  // interpreter
    304,
    0,
    8,
    16,
    72,
    152,
    160,
    232,
    32,  // thread
    80,
    8,
    0,
    56,
    72,
    70,  // frame
    208,
    112,
    120,
    128,
    136,
    68,
    52,
    96,
    104,
    200,  // code
    16,
    8,  // object
    416,
    24,
    88,
    168,  // type
    32,
    24,
    16,
    40,
    24,
    16,  // tuple, list
    48,
    32,
    40,
    24,
    16,  // dict, float
    32,
    16,
    24,
    40,
    16,
    32,  // int, bytes
    64,
    32,
    16,
    40,  // str
    240,
    200,  // gc
};
constexpr std::size_t kFreeThreaded = 2, kHead = 5, kModules = 11, kGil = 15, kGilLocked = 17,
                      kGilHolder = 18, kThread = 19, kThreadId = 24, kCodeName = 36, kTypeName = 47;

Result<DebugOffsets> parse(const Words& words) {
  return DebugOffsets::parse(std::as_bytes(std::span(words)));
}

Result<Layout> overlay(const Words& words) {
  HANGSPY_TRY(offsets, parse(words));
  return offsets.over(kCPython3_13);
}

bool same(const Layout& left, const Layout& right) {
  return std::memcmp(&left, &right, sizeof left) == 0;
}

TEST(DebugOffsets, SayTheVersion) {
  const auto offsets = parse(kOf3_13_0);
  ASSERT_TRUE(offsets);
  EXPECT_EQ(offsets->major(), 3);
  EXPECT_EQ(offsets->minor(), 13);
  EXPECT_EQ(offsets->micro(), 0);
  EXPECT_FALSE(offsets->free_threaded());
}

TEST(DebugOffsets, OfTheReleaseOfTheTableChangeNothing) {
  const auto layout = overlay(kOf3_13_0);
  ASSERT_TRUE(layout) << layout.error().what;
  EXPECT_TRUE(same(*layout, kCPython3_13));
}

// 3.13.18 as Debian builds it: runtime and interpreter are larger, the thread state has one word
// more.
TEST(DebugOffsets, ReplaceWhatMovedWithinTheRelease) {
  auto words = kOf3_13_0;
  words[3] = 283408;
  words[6] = 194984;
  words[kThread] = 312;
  words[kModules] += 8;
  words[kGil] += 8;
  words[kGilLocked] += 8;
  words[kGilHolder] += 8;
  const auto layout = overlay(words);
  ASSERT_TRUE(layout) << layout.error().what;
  EXPECT_EQ(layout->runtime.size, 283408U);
  EXPECT_EQ(layout->interpreter.modules, 7664U);
  EXPECT_EQ(layout->interpreter.own_gil, 7760U);
  EXPECT_EQ(layout->thread.size, 312U);
  EXPECT_EQ(layout->thread.running_loop, 312U);
  EXPECT_EQ(layout->gil.last_holder, 8U);
  EXPECT_EQ(layout->gil.locked, 16U);
  EXPECT_EQ(layout->runtime.autotss_key, kCPython3_13.runtime.autotss_key);
}

TEST(DebugOffsets, ForgetWhatLiesBehindAListThatMoved) {
  auto words = kOf3_13_0;
  words[kHead] += 16;
  const auto layout = overlay(words);
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->runtime.interpreters_head, 648U);
  EXPECT_EQ(layout->runtime.autotss_key, kAbsent);
}

TEST(DebugOffsets, ThatContradictTheTableAreRefusedWithBothNumbers) {
  for (const auto word : {kThreadId, kCodeName, kTypeName}) {
    auto words = kOf3_13_0;
    const auto known = words[word];
    words[word] = 1;
    const auto layout = overlay(words);
    ASSERT_FALSE(layout);
    EXPECT_EQ(layout.error().failure, Failure::kUnsupported);
    EXPECT_NE(layout.error().what.find(" is 1,"), std::string::npos) << layout.error().what;
    EXPECT_NE(layout.error().what.find(std::to_string(known)), std::string::npos);
  }
}

TEST(DebugOffsets, OutOfBoundsAreImplausible) {
  auto outside = kOf3_13_0;
  outside[kModules] = 194968;  // the first byte behind the interpreter
  EXPECT_EQ(parse(outside).error().failure, Failure::kImplausible);
  auto huge = kOf3_13_0;
  huge[3] = 1U << 20;
  EXPECT_EQ(parse(huge).error().failure, Failure::kImplausible);
  auto wild = kOf3_13_0;
  wild[kHead] = ~std::uint64_t{0};
  EXPECT_EQ(parse(wild).error().failure, Failure::kImplausible);
  auto before = kOf3_13_0;
  before[kGilHolder] = before[kGil] - 8;
  EXPECT_EQ(parse(before).error().failure, Failure::kImplausible);
  auto flag = kOf3_13_0;
  flag[kFreeThreaded] = 2;
  EXPECT_EQ(parse(flag).error().failure, Failure::kImplausible);
}

TEST(DebugOffsets, NeedTheCookieAndAllBytes) {
  const auto bytes = std::as_bytes(std::span(kOf3_13_0));
  EXPECT_TRUE(DebugOffsets::is_at(bytes));
  EXPECT_EQ(DebugOffsets::parse({}).error().failure, Failure::kNotPython);
  EXPECT_EQ(DebugOffsets::parse(bytes.subspan(8)).error().failure, Failure::kNotPython);
  for (std::size_t length = 8; length < DebugOffsets::kSize; ++length) {
    EXPECT_EQ(DebugOffsets::parse(bytes.first(length)).error().failure, Failure::kImplausible);
  }
}

TEST(DebugOffsets, OfAnotherMinorGiveTheVersionOnly) {
  auto words = kOf3_13_0;
  words[1] = 0x030e0af0;
  words[kFreeThreaded] = 1;
  words[3] = ~std::uint64_t{0};  // another order of fields
  const auto offsets = parse(words);
  ASSERT_TRUE(offsets);
  EXPECT_EQ(offsets->minor(), 14);
  EXPECT_EQ(offsets->micro(), 10);
  EXPECT_TRUE(offsets->free_threaded());
  EXPECT_EQ(offsets->over(kCPython3_13).error().failure, Failure::kUnsupported);
}

TEST(DebugOffsets, SurviveRandomNumbers) {
  std::mt19937_64 random(13);
  for (int round = 0; round < 20'000; ++round) {
    auto words = kOf3_13_0;
    words[3 + random() % 70] = random() >> (random() % 64);
    const auto layout = overlay(words);
    EXPECT_TRUE(!layout || layout->interpreter.modules < layout->interpreter.size);
  }
}

}  // namespace
}  // namespace hangspy::python::layouts
