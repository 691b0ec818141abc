#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <limits>
#include <memory>

#include "elf/image.hpp"
#include "memory/page_cache.hpp"
#include "target/proc_dir.hpp"
#include "target/proc_maps.hpp"
#include "target_child.hpp"

namespace hangspy::target {
namespace {

using ::testing::HasSubstr;

constexpr std::size_t kManyPages = 2500;  // more than two calls of process_vm_readv

// Each page of the child's array begins with its own number.
void number_pages(const std::function<void(Told)>& ready) {
  auto* area = static_cast<std::byte*>(::mmap(
      nullptr, kManyPages * kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (std::uint64_t i = 0; i < kManyPages; ++i) std::memcpy(area + i * kPageSize, &i, sizeof(i));
  for (const std::size_t hole : {0u, 7u, 8u, 1024u, 2499u}) {
    ::munmap(area + hole * kPageSize, kPageSize);
  }
  ready({reinterpret_cast<std::uint64_t>(area)});
  sleep_for_ever();
}

std::vector<Address> page_addresses(std::uint64_t from, std::size_t count) {
  std::vector<Address> pages;
  for (std::size_t i = 0; i < count; ++i) pages.push_back({from + i * kPageSize});
  return pages;
}

TEST(LiveTarget, FetchesPagesAndNamesTheUnreadableOnes) {
  const Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target) << target.error().what;
  std::vector<std::byte> out(kManyPages * kPageSize, std::byte{0xee});
  const auto unread = (*target)->fetch(page_addresses(child.told(0), kManyPages), out);
  ASSERT_TRUE(unread) << unread.error().what;
  EXPECT_EQ(*unread, (std::vector<std::size_t>{0, 7, 8, 1024, 2499}));
  for (std::uint64_t i = 0; i < kManyPages; ++i) {
    std::uint64_t number = 0;
    std::memcpy(&number, &out[i * kPageSize], sizeof(number));
    const bool hole = std::ranges::count(*unread, i) != 0;
    ASSERT_EQ(number, hole ? 0xeeeeeeeeeeeeeeee : i);  // a hole leaves its room untouched
  }
}

TEST(LiveTarget, FetchesNothingAtImpossibleAddresses) {
  const Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const std::vector<Address> pages{{0}, {UINT64_MAX & ~0xfffull}, {0x8000000000000000}};
  std::vector<std::byte> out(pages.size() * kPageSize);
  EXPECT_EQ((*target)->fetch(pages, out).value().size(), 3u);
}

TEST(LiveTarget, ServesAPageCache) {
  const Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const memory::PageCache cache([&](std::span<const Address> pages, std::span<std::byte> out) {
    return (*target)->fetch(pages, out);
  });
  EXPECT_EQ(memory::read_as<std::uint64_t>(cache, {child.told(0) + 3 * kPageSize}).value(), 3u);
  EXPECT_EQ(memory::read_as<std::uint64_t>(cache, {child.told(0)}).error().failure,
            Failure::kUnmapped);
}

TEST(LiveTarget, ListsMappingsWithWhatTheyAllow) {
  const Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const Mapping* area = mapping_at((*target)->mappings(), {child.told(0) + kPageSize});
  ASSERT_NE(area, nullptr);
  EXPECT_TRUE(area->readable && area->writable && !area->executable && area->is_private);
  EXPECT_TRUE(area->path.empty());
  const auto code = reinterpret_cast<std::uint64_t>(&number_pages);
  const Mapping* text = mapping_at((*target)->mappings(), {code});
  ASSERT_NE(text, nullptr);
  EXPECT_TRUE(text->executable && !text->writable);
  EXPECT_EQ(text->path.bytes(), std::filesystem::read_symlink("/proc/self/exe").native());
}

// A thread asleep in each of two calls, and one that never sleeps.
void sleep_and_spin(const std::function<void(Told)>& ready) {
  static std::atomic<Tid> spinner = 0;
  static std::atomic<int> word = 5;
  static std::atomic<Tid> waiter = 0;
  std::thread([] {
    spinner = own_tid();
    for (volatile std::uint64_t turns = 0;;) turns = turns + 1;
  }).detach();
  std::thread([] {
    waiter = own_tid();
    ::syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 5, nullptr, nullptr, 0);
  }).detach();
  while (spinner == 0 || waiter == 0) std::this_thread::yield();
  ready({reinterpret_cast<std::uint64_t>(&word), static_cast<std::uint64_t>(spinner.load()),
         static_cast<std::uint64_t>(waiter.load())});
  sleep_for_ever();
}

TEST(LiveTarget, TellsSleepingThreadsFromASpinningOne) {
  const Child child(sleep_and_spin);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  ASSERT_TRUE(comes_to_rest(child.pid(), 2));
  const auto before = (*target)->threads();
  ASSERT_TRUE(before) << before.error().what;
  ASSERT_EQ(before->size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(*before, {}, &ThreadState::tid));
  EXPECT_EQ(before->front().syscall, SYS_pause);
  const ThreadState* waiter = find_thread(*before, child.told(2));
  EXPECT_EQ(waiter->syscall, SYS_futex);
  EXPECT_EQ(waiter->arguments[0], child.told(0));
  EXPECT_EQ(waiter->arguments[2], 5u);
  EXPECT_NE(waiter->stack_pointer, 0u);
  EXPECT_EQ(find_thread(*before, child.told(1))->activity, Activity::kRunning);

  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto after = (*target)->threads();
  ASSERT_TRUE(after);
  for (const std::uint64_t asleep : {static_cast<std::uint64_t>(child.pid()), child.told(2)}) {
    const ThreadState* then = find_thread(*before, asleep);
    ASSERT_TRUE(then->run_counter);
    EXPECT_EQ(then->run_counter, find_thread(*after, asleep)->run_counter);
  }
}

TEST(LiveTarget, CountsTheRunsOfAThreadThatWakes) {
  const Child child([](const auto& ready) {
    ready({});
    for (;;) ::usleep(1000);
  });
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const auto before = (*target)->threads().value().front().run_counter;
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_GT((*target)->threads().value().front().run_counter.value(), before.value());
}

TEST(LiveTarget, ReadsThroughAnotherThreadWhenTheMainOneHasEnded) {
  const Child child([](const auto& ready) {
    static std::uint64_t known = 0x1122334455667788;
    static const std::function<void(Told)> tell = ready;
    std::thread([] {
      tell({reinterpret_cast<std::uint64_t>(&known), static_cast<std::uint64_t>(own_tid())});
      sleep_for_ever();
    }).detach();
    ::syscall(SYS_exit, 0);  // this thread alone
  });
  const ProcDir process = ProcDir::open(child.pid()).value();
  ASSERT_TRUE(eventually([&] { return process.stat()->ended(); }));
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target) << target.error().what;
  EXPECT_EQ(peek(**target, child.told(0)).value(), 0x1122334455667788u);
  const auto states = (*target)->threads();
  ASSERT_TRUE(states) << states.error().what;
  ASSERT_EQ(states->size(), 1u);
  EXPECT_EQ(states->front().tid, static_cast<Tid>(child.told(1)));
  const auto stop = (*target)->stop({[](auto) { return Result<void>{}; }});
  ASSERT_TRUE(stop) << stop.error().what;
  EXPECT_EQ(stop->threads.size(), 1u);
}

TEST(LiveTarget, GoesOnReadingWhenTheMainThreadEndsMeanwhile) {
  const Child child([](const auto& ready) {
    static std::uint64_t known = 77;
    static std::atomic<bool> may_end = false;
    std::thread([] { sleep_for_ever(); }).detach();
    struct sigaction action{};
    action.sa_handler = [](int) { may_end = true; };
    ::sigaction(SIGUSR1, &action, nullptr);
    ready({reinterpret_cast<std::uint64_t>(&known)});
    while (!may_end) ::usleep(1000);
    ::syscall(SYS_exit, 0);  // this thread alone
  });
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  EXPECT_EQ(peek(**target, child.told(0)).value(), 77u);
  ::kill(child.pid(), SIGUSR1);
  const ProcDir process = ProcDir::open(child.pid()).value();
  ASSERT_TRUE(eventually([&] { return process.stat()->ended(); }));
  const auto value = peek(**target, child.told(0));
  ASSERT_TRUE(value) << value.error().what;
  EXPECT_EQ(*value, 77u);
  EXPECT_TRUE((*target)->refresh());
  EXPECT_TRUE((*target)->still_there());
}

TEST(LiveTarget, SaysWhenTheProcessHasEnded) {
  Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  EXPECT_TRUE((*target)->still_there());
  child.end();
  EXPECT_EQ(peek(**target, child.told(0)).error().failure, Failure::kGone);
  EXPECT_EQ((*target)->threads().error().failure, Failure::kGone);
  EXPECT_EQ((*target)->refresh().error().failure, Failure::kGone);
  EXPECT_EQ((*target)->still_there().error().failure, Failure::kGone);
  EXPECT_EQ((*target)->stop({[](auto) { return Result<void>{}; }}).error().failure, Failure::kGone);
}

TEST(LiveTarget, SaysThatThereIsNoSuchProcess) {
  const Tid never = std::numeric_limits<Tid>::max();
  EXPECT_EQ(open_live(never).error().failure, Failure::kNoProcess);
  EXPECT_EQ(open_live(never).error().what, "no process " + std::to_string(never));
  EXPECT_EQ(open_live(0).error().failure, Failure::kNoProcess);
  EXPECT_EQ(open_live(-1).error().failure, Failure::kNoProcess);
}

TEST(LiveTarget, PointsFromAThreadToItsProcess) {
  const Child child(sleep_and_spin);
  const auto target = open_live(static_cast<Tid>(child.told(2)));
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().failure, Failure::kNoProcess);
  EXPECT_THAT(target.error().what, HasSubstr("thread of process " + std::to_string(child.pid())));
}

TEST(LiveTarget, SaysWhichUserMayLook) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  const Child child(number_pages);
  const Child other([&](const auto& ready) {
    const bool changed = ::setgid(65534) == 0 && ::setuid(65534) == 0;
    const auto target = open_live(child.pid());
    const bool right =
        changed && !target && target.error().failure == Failure::kPermission &&
        target.error().what.find("runs as uid 0, hangspy as uid 65534") != std::string::npos;
    ready({right ? 1u : 0u});
  });
  EXPECT_EQ(other.told(0), 1u);
}

TEST(LiveTarget, OpensTheVeryFileThatIsMapped) {
  const Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const auto code = reinterpret_cast<std::uint64_t>(&number_pages);
  const auto path = (*target)->file_behind(*mapping_at((*target)->mappings(), {code}));
  ASSERT_TRUE(path) << path.error().what;
  const auto image = elf::Image::open(*path);
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_EQ((*image)->build_id(), elf::Image::open("/proc/self/exe").value()->build_id());
  const Mapping* area = mapping_at((*target)->mappings(), {child.told(0) + kPageSize});
  EXPECT_EQ((*target)->file_behind(*area).error().failure, Failure::kFile);
}

TEST(LiveTarget, FindsFilesBelowTheTargetsRootOnly) {
  const Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const auto find = [&](const char* path) { return (*target)->file_at(Text::of_target(path)); };
  EXPECT_TRUE(find("/etc/passwd"));
  EXPECT_TRUE(find("/../../etc/passwd"));  // above the root is the root
  EXPECT_FALSE(find("etc/passwd"));
  EXPECT_FALSE(find("/etc"));
  EXPECT_FALSE(find("/dev/zero"));
  EXPECT_FALSE(find(""));
  // A magic link would lead anywhere; as text it leads nowhere.
  const int unnamed = ::memfd_create("unnamed", 0);
  EXPECT_FALSE(find(("/proc/self/fd/" + std::to_string(unnamed)).c_str()));
  ::close(unnamed);
}

TEST(LiveTarget, FollowsLinksAsTheTargetWould) {
  const Child child(number_pages);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  std::string folder = (std::filesystem::temp_directory_path() / "hangspy-XXXXXX").string();
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::filesystem::path links = folder;
  const auto find = [&](const std::string& name) {
    return (*target)->file_at(Text::of_target((links / name).string())).has_value();
  };
  std::filesystem::create_symlink("/etc/passwd", links / "absolute");
  std::filesystem::create_symlink("./absolute", links / "relative");
  std::filesystem::create_symlink("../../../../../../../etc", links / "far-up");
  std::filesystem::create_symlink("loop", links / "loop");
  std::filesystem::create_symlink("nowhere", links / "dangling");
  EXPECT_TRUE(find("absolute"));
  EXPECT_TRUE(find("relative"));
  EXPECT_TRUE(find("far-up/passwd"));
  EXPECT_FALSE(find("loop"));
  EXPECT_FALSE(find("dangling"));
  EXPECT_FALSE(find("absolute/passwd"));
  std::filesystem::remove_all(links);
}

TEST(ChildrenOf, ListsThemSorted) {
  const Child first(number_pages);
  const Child second(number_pages);
  const auto children = children_of(::getpid());
  ASSERT_TRUE(children) << children.error().what;
  EXPECT_THAT(*children, ::testing::IsSupersetOf({first.pid(), second.pid()}));
  EXPECT_TRUE(std::ranges::is_sorted(*children));
  EXPECT_TRUE(children_of(first.pid()).value().empty());
  EXPECT_EQ(children_of(std::numeric_limits<Tid>::max()).error().failure, Failure::kNoProcess);
}

}  // namespace
}  // namespace hangspy::target
