// Cores made by hand: hostile, damaged, cut.
#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <random>
#include <string>

#include "elf/image.hpp"
#include "target/proc_maps.hpp"
#include "target_child.hpp"
#include "target_core_builder.hpp"

namespace hangspy::target {
namespace {

using ::testing::HasSubstr;

CoreBuilder small_core() {
  CoreBuilder builder;
  builder.thread(10).segment(0x10000, Bytes(2 * kPageSize, 'm'), 2 * kPageSize);
  return builder;
}

TEST(Core, BuiltByHandIsReadable) {
  const auto core = small_core().open();
  ASSERT_TRUE(core) << core.error().what;
  EXPECT_EQ((*core)->pid(), 10);
  EXPECT_EQ(peek(**core, 0x10000).value(), 0x6d6d6d6d6d6d6d6du);
  EXPECT_FALSE(peek(**core, 0x12000));
  EXPECT_FALSE(peek(**core, 0xf000));
}

TEST(Core, TellsAThreadThatSleptFromOneThatRan) {
  CoreBuilder builder;
  builder
      .thread(1, 202, -512)      // futex, would be restarted
      .thread(2, 232, -4)        // epoll_wait, which gives EINTR
      .thread(3, 219, -516)      // restart_syscall
      .thread(4, UINT64_MAX, 7)  // outside of any call
      .thread(5, 1, 100)         // write has returned 100
      .thread(6, 234, 0);        // tgkill on itself: abort()
  const auto states = builder.open().value()->threads().value();
  ASSERT_EQ(states.size(), 6u);
  for (const std::size_t asleep : {0u, 1u, 2u}) {
    EXPECT_EQ(states[asleep].activity, Activity::kInSyscall);
    EXPECT_EQ(states[asleep].arguments[0], 0xabcu);
  }
  EXPECT_EQ(states[1].syscall, 232);
  for (const std::size_t ran : {3u, 4u, 5u}) EXPECT_EQ(states[ran].activity, Activity::kRunning);
}

TEST(Core, PagesBehindItsEndAreUnreadableAndNeverZero) {
  Bytes bytes = small_core().build();
  bytes.resize(bytes.size() - 1);
  const ScratchDirectory scratch;
  const auto core = open_at(scratch.write(bytes));
  ASSERT_TRUE(core) << core.error().what;
  EXPECT_TRUE(peek(**core, 0x10000));
  EXPECT_FALSE(peek(**core, 0x11000));
}

// The core would have held it because it differs from the file.
TEST(Core, PagesThatWereCutOffDoNotComeFromTheFileEither) {
  CoreBuilder builder;
  builder.thread(10)
      .files({1, 1, 0x400000, 0x401000, 0}, std::string("/bin/true\0", 10))
      .segment(0x400000, Bytes(kPageSize, 'x'), kPageSize, PF_R);
  Bytes bytes = builder.build();
  bytes.resize(bytes.size() - kPageSize);
  const ScratchDirectory scratch;
  const auto core = open_at(scratch.write(bytes));
  ASSERT_TRUE(core) << core.error().what;
  EXPECT_FALSE(peek(**core, 0x400000));
}

TEST(Core, ScalesFileOffsetsByThePageSizeOfTheNote) {
  for (const std::uint64_t page_size : {1u, 4096u}) {
    CoreBuilder builder = small_core();
    builder.files({1, page_size, 0x40000, 0x42000, 0x3000 / page_size}, std::string("/lib/x\0", 7));
    const auto core = builder.open();
    ASSERT_TRUE(core) << core.error().what;
    const Mapping* mapping = mapping_at((*core)->mappings(), {0x40000});
    ASSERT_NE(mapping, nullptr);
    EXPECT_EQ(mapping->file_offset, 0x3000u);
    EXPECT_EQ(mapping->path.bytes(), "/lib/x");
  }
}

TEST(Core, DoesNotTakeAPageOfAPlainFileForMemory) {
  CoreBuilder builder = small_core();
  builder.files({1, 1, 0x40000, 0x41000, 0}, std::string("/etc/passwd\0", 12));
  const auto core = builder.open();
  ASSERT_TRUE(core) << core.error().what;
  EXPECT_FALSE(peek(**core, 0x40000));
  EXPECT_TRUE((*core)->file_behind((*core)->mappings().back()));  // which a caller may still open
}

// hangspy's own captures hold single pages out of the middle of a file's range.
TEST(Core, ListsTheRestOfAFilesRangeAroundWhatIsHeld) {
  CoreBuilder builder = small_core();  // holds 0x10000 to 0x12000
  builder.files({1, 1, 0xf000, 0x14000, 0x5000}, std::string("/lib/x\0", 7));
  const auto core = builder.open();
  ASSERT_TRUE(core) << core.error().what;
  const auto& mappings = (*core)->mappings();
  ASSERT_EQ(mappings.size(), 3u);
  EXPECT_EQ(mappings[0].begin, Address{0xf000});
  EXPECT_EQ(mappings[0].end, Address{0x10000});
  EXPECT_EQ(mappings[0].file_offset, 0x5000u);
  EXPECT_EQ(mappings[1].file_offset, 0x6000u);
  EXPECT_TRUE(mappings[1].writable);
  EXPECT_EQ(mappings[2].begin, Address{0x12000});
  EXPECT_EQ(mappings[2].end, Address{0x14000});
  EXPECT_EQ(mappings[2].file_offset, 0x8000u);
  for (const Mapping& each : mappings) EXPECT_EQ(each.path.bytes(), "/lib/x");
}

void expect_refused(const CoreBuilder& builder, const std::string& why) {
  const auto core = builder.open();
  ASSERT_FALSE(core) << why;
  EXPECT_EQ(core.error().failure, Failure::kFile) << core.error().what;
  EXPECT_THAT(core.error().what, HasSubstr(why));
}

TEST(Core, RefusesWhatNoKernelWrites) {
  expect_refused(CoreBuilder(), "no thread");
  expect_refused(small_core().thread(10), "same id");
  expect_refused(small_core().thread(-3), "the id -3");
  expect_refused(small_core().note(NT_PRSTATUS, Bytes(100)), "NT_PRSTATUS of 100 bytes");
  expect_refused(small_core().note(NT_PRPSINFO, Bytes(3)), "NT_PRPSINFO of 3 bytes");
  expect_refused(small_core().files({std::uint64_t{1} << 60, 1}, ""), "files");
  expect_refused(small_core().files({UINT64_MAX, 1, 2, 3}, ""), "files");
  expect_refused(small_core().files({1, 1, 0x1000, 0x2000, 0}, "no end"), "without an end");
  expect_refused(small_core().files({1, 1, 0x2000, 0x1000, 0}, std::string(1, '\0')), "0x2000");
  expect_refused(small_core().files({1, UINT64_MAX, 1, 2, 3}, std::string(1, '\0')), "0x1");
  expect_refused(small_core().segment(0x11000, Bytes(10), kPageSize), "overlap");
  expect_refused(small_core().segment(UINT64_MAX - 10, {}, 0x1000), "impossible bounds");
  expect_refused(small_core().segment(0x50000, Bytes(10), 5), "impossible bounds");
}

TEST(Core, RefusesHeadersThatLie) {
  const auto spoiled = [](auto change) {
    CoreBuilder builder = small_core();
    builder.spoil = [change](Elf64_Ehdr& header, Elf64_Phdr& notes,
                             std::vector<Elf64_Phdr>& segments) {
      change(header, notes, segments.front());
    };
    return builder;
  };
  using H = Elf64_Ehdr&;
  using P = Elf64_Phdr&;
  expect_refused(spoiled([](H, P notes, P) { notes.p_filesz = UINT64_MAX - 10; }), "was cut");
  expect_refused(spoiled([](H, P notes, P) { notes.p_offset = UINT64_MAX - 10; }), "was cut");
  expect_refused(spoiled([](H header, P, P) { header.e_phnum = PN_XNUM; }), "program headers");
  expect_refused(spoiled([](H header, P, P) { header.e_phoff = UINT64_MAX - 7; }), "");
  expect_refused(spoiled([](H header, P, P) { header.e_machine = EM_AARCH64; }), "machine");
  expect_refused(spoiled([](H header, P, P) { header.e_ident[EI_CLASS] = ELFCLASS32; }), "class");
  expect_refused(spoiled([](H header, P, P) { header.e_type = ET_DYN; }), "not a core");
  expect_refused(spoiled([](H, P, P each) { each.p_offset = UINT64_MAX - 7; }), "impossible");
}

TEST(Core, NamesWhatUnpacksACompressedOne) {
  const ScratchDirectory scratch;
  const auto core = open_at(scratch.write({'\x28', '\xb5', '\x2f', '\xfd', 0, 0, 0, 0, 0}));
  ASSERT_FALSE(core);
  EXPECT_THAT(core.error().what, HasSubstr("compressed"));
  EXPECT_THAT(core.error().next_step, HasSubstr("unzstd"));
}

// The core holds the first page of /bin/true, with its build id, and left out the rest.
TEST(Core, TakesPagesOnlyFromAFileWithTheBuildIdThatItHolds) {
  Bytes first = bytes_of("/bin/true");
  const std::uint64_t length = (first.size() + 0xfff) & ~0xfffull;
  first.resize(kPageSize);
  const auto id = elf::Image::open("/bin/true").value()->build_id();
  ASSERT_TRUE(id);
  const auto at = std::ranges::search(
      first, *id, [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
  ASSERT_FALSE(at.empty());
  for (const bool same : {true, false}) {
    if (!same) ++at.front();
    CoreBuilder builder;
    builder.thread(10)
        .files({1, 1, 0x400000, 0x400000 + length, 0}, std::string("/bin/true\0", 10))
        .segment(0x400000, first, length, PF_R);
    const auto core = builder.open();
    ASSERT_TRUE(core) << core.error().what;
    EXPECT_TRUE(peek(**core, 0x400000));
    EXPECT_EQ(peek(**core, 0x401000).has_value(), same);
  }
}

TEST(Core, TakesNothingThatWasWritableFromAFile) {
  // All of /bin/true, mapped as if it were one read-only range, with nothing of it held: its
  // data, which a process relocates, must not come from the disk.
  const std::uint64_t length = (std::filesystem::file_size("/bin/true") + 0xffff) & ~0xfffull;
  CoreBuilder builder = small_core();
  builder.files({1, 1, 0x400000, 0x400000 + length, 0}, std::string("/bin/true\0", 10));
  const auto core = builder.open();
  ASSERT_TRUE(core) << core.error().what;
  EXPECT_TRUE(peek(**core, 0x400000));
  const auto image = elf::Image::open("/bin/true").value();
  for (const elf::Segment& each : image->segments()) {
    EXPECT_EQ(peek(**core, 0x400000 + each.address.value).has_value(), !each.writable);
  }
}

void ask_everything(const Target& core) {
  const auto states = core.threads();
  ASSERT_TRUE(states);
  ASSERT_FALSE(states->empty());
  std::size_t asked = 0;
  for (const Mapping& each : core.mappings()) {
    (void)peek(core, each.begin.value);
    (void)peek(core, each.end.value - 8);
    if (++asked == 50) break;
  }
}

TEST(Core, SurvivesAnyThreeChangedBytes) {
  CoreBuilder builder = small_core();
  builder.thread(11).files({2, 1, 0x40000, 0x41000, 0, 0x41000, 0x42000, 0x1000},
                           std::string("/bin/true\0/bin/true\0", 20));
  const Bytes whole = builder.build();
  const std::size_t interesting = whole.size() - 2 * kPageSize;
  const ScratchDirectory scratch;
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    Bytes bytes = whole;
    for (int change = 0; change < 3; ++change) {
      bytes[random() % interesting] = static_cast<char>(random());
    }
    const auto core = open_at(scratch.write(bytes));
    if (core) ask_everything(**core);
  }
}

}  // namespace
}  // namespace hangspy::target
