// Cores of real processes, by gdb's gcore and by the kernel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "target/proc_dir.hpp"
#include "target/proc_maps.hpp"
#include "target_child.hpp"
#include "target_core_builder.hpp"

namespace hangspy::target {
namespace {

using ::testing::HasSubstr;

// ---- A core of a real process, by gdb's gcore. ----

constexpr std::uint64_t kPattern = 0x1122334455667788;

void wait_on_a_futex(const std::function<void(Told)>& ready) {
  static std::atomic<int> word = 5;
  static std::atomic<std::uint64_t> waiter = 0;
  static std::uint64_t known = kPattern;
  std::thread([] {
    waiter = static_cast<std::uint64_t>(own_tid());
    ::syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 5, nullptr, nullptr, 0);
  }).detach();
  while (waiter == 0) std::this_thread::yield();
  ready({reinterpret_cast<std::uint64_t>(&word), reinterpret_cast<std::uint64_t>(&known), waiter});
  sleep_for_ever();
}

// The sanitizer's shadow of the memory makes a core of terabytes.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kHasShadowMemory = true;
#else
constexpr bool kHasShadowMemory = false;
#endif

class GcoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kHasShadowMemory) GTEST_SKIP() << "a core of a sanitized process is too large";
    ASSERT_TRUE(comes_to_rest(child_.pid(), 2));
    const std::string command = "gcore -o " + scratch_.file("core") + " " +
                                std::to_string(child_.pid()) + " >/dev/null 2>&1";
    ASSERT_EQ(std::system(command.c_str()), 0) << "this test needs gdb's gcore";
    path_ = scratch_.file("core." + std::to_string(child_.pid()));
  }
  Child child_{wait_on_a_futex};
  ScratchDirectory scratch_;
  std::string path_;
};

TEST_F(GcoreTest, HasTheThreadsMemoryAndNamesOfTheProcess) {
  const auto core = open_at(path_);
  ASSERT_TRUE(core) << core.error().what;
  EXPECT_EQ((*core)->kind(), Target::Kind::kCore);
  EXPECT_EQ((*core)->pid(), child_.pid());
  EXPECT_EQ(peek(**core, child_.told(1)).value(), kPattern);

  const auto states = (*core)->threads().value();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].tid, child_.pid());
  EXPECT_EQ(states[0].activity, Activity::kInSyscall);
  EXPECT_EQ(states[0].syscall, SYS_pause);
  EXPECT_EQ(states[1].tid, static_cast<Tid>(child_.told(2)));
  EXPECT_EQ(states[1].syscall, SYS_futex);
  EXPECT_EQ(states[1].arguments[0], child_.told(0));
  EXPECT_EQ(states[1].arguments[2], 5u);
  EXPECT_NE(states[1].fs_base, 0u);
  EXPECT_FALSE(states[1].run_counter);
}

// The same bytes as the process has: writable ones, constants, and code, which a core leaves out.
TEST_F(GcoreTest, ReadsWhatTheLiveProcessReads) {
  const auto core = open_at(path_);
  ASSERT_TRUE(core) << core.error().what;
  const auto live = open_live(child_.pid());
  ASSERT_TRUE(live);
  std::size_t compared = 0;
  for (const Mapping& each : (*live)->mappings()) {
    if (!each.readable || !each.path.bytes().starts_with('/')) continue;
    const Mapping* same = mapping_at((*core)->mappings(), each.begin);
    ASSERT_NE(same, nullptr) << to_hex(each.begin);
    EXPECT_EQ(same->path, each.path);
    EXPECT_EQ(same->writable, each.writable);
    for (Address at = each.begin; at < each.end; at = at + kPageSize) {
      const std::array<Address, 1> page{at};
      std::array<std::byte, kPageSize> here{};
      std::array<std::byte, kPageSize> there{};
      const bool is_live = (*live)->fetch(page, here).value().empty();
      ASSERT_EQ((*core)->fetch(page, there).value().empty(), is_live) << to_hex(at);
      ASSERT_EQ(here, there) << to_hex(at);
      ++compared;
    }
  }
  EXPECT_GT(compared, 100u);
}

TEST_F(GcoreTest, TakesCodeOnlyFromTheFileWithTheSameBuildId) {
  const auto code = reinterpret_cast<std::uint64_t>(&wait_on_a_futex);
  const auto wrong = open_core({path_, "/bin/true", std::nullopt});
  ASSERT_TRUE(wrong) << wrong.error().what;
  EXPECT_FALSE(peek(**wrong, code));
  EXPECT_EQ(peek(**wrong, child_.told(1)).value(), kPattern);  // what the core holds is not lost
  const auto right = open_core({path_, "/proc/self/exe", "/no/such/sysroot"});
  ASSERT_TRUE(right);
  EXPECT_TRUE(peek(**right, code));
  const auto nowhere = open_core({path_, std::nullopt, "/no/such/sysroot"});
  ASSERT_TRUE(nowhere);
  EXPECT_FALSE(peek(**nowhere, code));
}

// gcore writes its notes last, so that a cut one has neither threads nor names.
TEST_F(GcoreTest, CutBeforeItsNotesSaysSo) {
  Bytes bytes = bytes_of(path_);
  bytes.resize(bytes.size() / 2);
  const ScratchDirectory scratch;
  const auto core = open_at(scratch.write(bytes));
  ASSERT_FALSE(core);
  EXPECT_THAT(core.error().what, HasSubstr("was cut"));
}

// ---- A core of the kernel's own, which writes the notes first. ----

class KernelCoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (kHasShadowMemory) GTEST_SKIP() << "a core of a sanitized process is too large";
    std::string pattern;
    std::getline(std::ifstream("/proc/sys/kernel/core_pattern"), pattern);
    if (pattern != "core") GTEST_SKIP() << "core_pattern is not plain \"core\" here";
    ASSERT_TRUE(comes_to_rest(child_.pid(), 2));
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    ASSERT_EQ(::prlimit(child_.pid(), RLIMIT_CORE, &unlimited, nullptr), 0);
    ASSERT_EQ(::kill(child_.pid(), SIGABRT), 0);
    pid_ = child_.pid();
    const auto core_file = [&] {
      for (const auto& name : {std::string("core"), "core." + std::to_string(pid_)}) {
        if (std::filesystem::exists(scratch_.file(name))) path_ = scratch_.file(name);
      }
      return !path_.empty() && ProcDir::open(pid_)->stat()->state == 'Z';
    };
    if (!eventually(core_file)) GTEST_SKIP() << "the kernel writes no core here (a hard limit?)";
  }
  ScratchDirectory scratch_;
  Child child_{[this](const auto& ready) {
    ASSERT_EQ(::chdir(scratch_.file("").c_str()), 0);
    wait_on_a_futex(ready);
  }};
  Tid pid_ = 0;
  std::string path_;
};

TEST_F(KernelCoreTest, HasTheThreadsMemoryAndCodeOfTheProcess) {
  const auto core = open_at(path_);
  ASSERT_TRUE(core) << core.error().what;
  EXPECT_EQ((*core)->pid(), pid_);
  EXPECT_EQ(peek(**core, child_.told(1)).value(), kPattern);
  const auto states = (*core)->threads().value();
  ASSERT_EQ(states.size(), 2u);
  EXPECT_EQ(states[0].syscall, SYS_pause);
  EXPECT_EQ(states[1].syscall, SYS_futex);
  EXPECT_EQ(states[1].arguments[0], child_.told(0));
  // The test's own code lies where the child's did, and is not in the core.
  const auto code = reinterpret_cast<std::uint64_t>(&wait_on_a_futex) & ~std::uint64_t{7};
  std::uint64_t own = 0;
  std::memcpy(&own, reinterpret_cast<const void*>(code), sizeof(own));
  EXPECT_EQ(peek(**core, code).value(), own);
  EXPECT_EQ(mapping_at((*core)->mappings(), {code})->path.bytes(),
            std::filesystem::read_symlink("/proc/self/exe").native());
}

std::vector<Address> held_pages(const Target& core) {
  std::vector<Address> pages;
  for (const Mapping& each : core.mappings()) {
    const Address end = std::min(each.end, each.begin + 64 * kPageSize);
    for (Address at = each.begin; at < end; at = at + kPageSize) pages.push_back(at);
  }
  return pages;
}

// What is read from a cut core is what the whole one says, or nothing.
TEST_F(KernelCoreTest, CutAnywhereHasUnreadablePagesButNeverOtherBytes) {
  const Bytes whole = bytes_of(path_);
  const auto original = open_at(path_);
  ASSERT_TRUE(original);
  const std::vector<Address> pages = held_pages(**original);
  Bytes expected(pages.size() * kPageSize);
  const auto lost = (*original)->fetch(pages, std::as_writable_bytes(std::span(expected))).value();
  const ScratchDirectory scratch;
  std::size_t opened = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto length = static_cast<std::ptrdiff_t>(whole.size() * i / 20);
    const auto core = open_at(scratch.write(Bytes(whole.begin(), whole.begin() + length)));
    if (!core) {
      EXPECT_EQ(core.error().failure, Failure::kFile);
      continue;
    }
    ++opened;
    Bytes found = expected;
    const auto unread = (*core)->fetch(pages, std::as_writable_bytes(std::span(found))).value();
    EXPECT_GT(unread.size(), lost.size());
    EXPECT_EQ(found, expected);
    EXPECT_EQ((*core)->threads()->size(), 2u);
  }
  EXPECT_GT(opened, 15u);
}

}  // namespace
}  // namespace hangspy::target
