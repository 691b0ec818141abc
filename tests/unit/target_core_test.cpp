#include <elf.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/procfs.h>
#include <sys/resource.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include "elf/image.hpp"
#include "target/proc_dir.hpp"
#include "target/proc_maps.hpp"
#include "target_child.hpp"

namespace hangspy::target {
namespace {

using ::testing::HasSubstr;
using Bytes = std::vector<char>;

class ScratchDirectory {
 public:
  ScratchDirectory() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string write(const Bytes& bytes) const {
    std::ofstream(file("core"), std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file("core");
  }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "hangspy-core-XXXXXX";
};

Bytes bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<std::unique_ptr<Target>> open_at(const std::string& path) {
  return open_core({path, std::nullopt, std::nullopt});
}

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
#ifdef __SANITIZE_ADDRESS__
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

// ---- Cores made by hand, for what no honest writer writes. ----

class CoreBuilder {
 public:
  CoreBuilder& note(std::uint32_t type, const Bytes& description) {
    const Elf64_Nhdr header{5, static_cast<Elf64_Word>(description.size()), type};
    append(notes_, &header, sizeof(header));
    append(notes_, "CORE\0\0\0", 8);
    notes_.insert(notes_.end(), description.begin(), description.end());
    notes_.resize((notes_.size() + 3) / 4 * 4);
    return *this;
  }
  CoreBuilder& thread(int tid, std::uint64_t orig_rax = 202, std::int64_t rax = -512) {
    elf_prstatus status{};
    status.pr_pid = tid;
    user_regs_struct registers{};
    registers.orig_rax = orig_rax;
    registers.rax = static_cast<std::uint64_t>(rax);
    registers.rdi = 0xabc;
    std::memcpy(&status.pr_reg, &registers, sizeof(registers));
    return note(NT_PRSTATUS, raw(status));
  }
  CoreBuilder& segment(std::uint64_t at, const Bytes& bytes, std::uint64_t memory_size,
                       std::uint32_t flags = PF_R | PF_W) {
    segments_.push_back({PT_LOAD, flags, 0, at, 0, bytes.size(), memory_size, 1});
    contents_.push_back(bytes);
    return *this;
  }
  CoreBuilder& files(const std::vector<std::uint64_t>& words, const std::string& names) {
    Bytes description;
    append(description, words.data(), words.size() * 8);
    description.insert(description.end(), names.begin(), names.end());
    return note(NT_FILE, description);
  }
  // Lets the test spoil the headers: of the file, of the notes' segment, of the memory's segments.
  std::function<void(Elf64_Ehdr&, Elf64_Phdr&, std::vector<Elf64_Phdr>&)> spoil =
      [](Elf64_Ehdr&, Elf64_Phdr&, std::vector<Elf64_Phdr>&) {};

  [[nodiscard]] Bytes build() const {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(1 + segments_.size());
    std::uint64_t offset = sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr);
    Elf64_Phdr notes{PT_NOTE, 0, offset, 0, 0, notes_.size(), 0, 0};
    offset += notes_.size();
    std::vector<Elf64_Phdr> segments = segments_;
    for (Elf64_Phdr& each : segments) {
      each.p_offset = offset;
      offset += each.p_filesz;
    }
    spoil(header, notes, segments);
    Bytes bytes;
    append(bytes, &header, sizeof(header));
    append(bytes, &notes, sizeof(notes));
    append(bytes, segments.data(), segments.size() * sizeof(Elf64_Phdr));
    bytes.insert(bytes.end(), notes_.begin(), notes_.end());
    for (const Bytes& each : contents_) bytes.insert(bytes.end(), each.begin(), each.end());
    return bytes;
  }
  [[nodiscard]] Result<std::unique_ptr<Target>> open() const {
    return open_at(ScratchDirectory().write(build()));
  }

 private:
  template <class T>
  static Bytes raw(const T& value) {
    Bytes bytes;
    append(bytes, &value, sizeof(value));
    return bytes;
  }
  static void append(Bytes& to, const void* from, std::size_t size) {
    const auto* bytes = static_cast<const char*>(from);
    to.insert(to.end(), bytes, bytes + size);
  }
  Bytes notes_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Bytes> contents_;
};

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
