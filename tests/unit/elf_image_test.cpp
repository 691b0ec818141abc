#include "elf/image.hpp"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "elf/build_id.hpp"
#include "elf/notes.hpp"
#include "memory/memory.hpp"

extern "C" {
// Read back from this test's own file; const data, so the file holds it.
extern const char hangspy_test_known_symbol[24];
const char hangspy_test_known_symbol[24] = "the bytes of this file";
}

namespace hangspy::elf {
namespace {

// Our own memory, as if it were a target's.
class OwnMemory final : public memory::Memory {
 public:
  Result<void> read(Address at, std::span<std::byte> out) const override {
    std::memcpy(out.data(), reinterpret_cast<const void*>(at.value), out.size());
    return {};
  }
};

class ScratchFile {
 public:
  explicit ScratchFile(const std::vector<char>& bytes) {
    const int descriptor = ::mkstemp(path_.data());
    EXPECT_GE(descriptor, 0);
    EXPECT_EQ(::write(descriptor, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    ::close(descriptor);
  }
  ~ScratchFile() { ::unlink(path_.c_str()); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "hangspy-elf-XXXXXX";
};

std::vector<char> own_bytes() {
  std::ifstream in("/proc/self/exe", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Address own_base() {
  Address base;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {  // the first is the program itself
        static_cast<Address*>(out)->value = info->dlpi_addr;
        return 1;
      },
      &base);
  return base;
}

TEST(Image, FindsASymbolAndItsBytesInTheFile) {
  const auto image = Image::open("/proc/self/exe");
  ASSERT_TRUE(image) << image.error().what;
  const auto symbol = (*image)->symbol("hangspy_test_known_symbol");
  ASSERT_TRUE(symbol) << symbol.error().what;
  ASSERT_TRUE(*symbol);
  EXPECT_EQ((*symbol)->size, sizeof(hangspy_test_known_symbol));
  EXPECT_EQ((own_base() + (*symbol)->address.value).value,
            reinterpret_cast<std::uint64_t>(hangspy_test_known_symbol));
  std::array<char, 24> bytes{};
  ASSERT_TRUE((*image)->read((*symbol)->address, std::as_writable_bytes(std::span(bytes))));
  EXPECT_STREQ(bytes.data(), hangspy_test_known_symbol);
}

TEST(Image, SaysThatThereIsNoSuchSymbolOrSection) {
  const auto image = Image::open("/proc/self/exe");
  ASSERT_TRUE(image);
  EXPECT_FALSE((*image)->symbol("hangspy_test_known_symbo").value());
  EXPECT_FALSE((*image)->section(".no-such-section").value());
}

TEST(Image, FindsDynamicSymbolsAndSectionsOfALibrary) {
  std::string libc;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* out) {
        const std::string name = info->dlpi_name;
        if (name.find("libc.so") != std::string::npos) *static_cast<std::string*>(out) = name;
        return 0;
      },
      &libc);
  const auto image = Image::open(libc);
  ASSERT_TRUE(image) << image.error().what;
  EXPECT_EQ((*image)->type(), ET_DYN);
  EXPECT_TRUE((*image)->symbol("getpid").value());
  const auto text = (*image)->section(".text").value();
  ASSERT_TRUE(text);
  const auto& segments = (*image)->segments();
  EXPECT_TRUE(std::ranges::any_of(segments, [&](const Segment& each) {
    return each.executable && each.address <= text->address &&
           text->address < each.address + each.memory_size;
  }));
  EXPECT_TRUE(std::ranges::any_of(segments, [](const Segment& each) { return each.writable; }));
}

TEST(Image, BuildIdInMemoryIsThatOfTheFile) {
  const auto image = Image::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const auto in_memory = build_id_in_memory(OwnMemory(), own_base());
  ASSERT_TRUE(in_memory) << in_memory.error().what;
  EXPECT_EQ(*in_memory, (*image)->build_id());
  ASSERT_TRUE((*image)->build_id()) << "the linker of this test writes no build id";
  EXPECT_GE((*image)->build_id()->size(), 8u);
}

TEST(Image, ReadsOnlyWhatTheFileHolds) {
  const auto image = Image::open("/proc/self/exe");
  ASSERT_TRUE(image);
  const Segment last = (*image)->segments().back();
  std::array<std::byte, 8> out{};
  EXPECT_TRUE((*image)->read(last.address + (last.file_size - 8), out));
  EXPECT_FALSE((*image)->read(last.address + (last.file_size - 7), out));
  EXPECT_FALSE((*image)->read({UINT64_MAX - 3}, out));
}

TEST(Image, RefusesWhatIsNoRegularElfFile) {
  EXPECT_EQ(Image::open("/no/such/file").error().failure, Failure::kFile);
  EXPECT_EQ(Image::open("/dev/zero").error().failure, Failure::kFile);
  EXPECT_EQ(Image::open("/tmp").error().failure, Failure::kFile);
  EXPECT_EQ(Image::open(ScratchFile(std::vector<char>{}).path()).error().failure, Failure::kFile);
  const ScratchFile text(std::vector<char>(4096, 'x'));
  EXPECT_EQ(Image::open(text.path()).error().failure, Failure::kFile);
}

TEST(Image, DoesNotWaitForTheWriterOfAFifo) {
  const std::string path = ScratchFile({}).path();
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(Image::open(path).error().failure, Failure::kFile);
  ::unlink(path.c_str());
}

void ask_everything(const std::string& path) {
  const auto image = Image::open(path);
  if (!image) return;
  (void)(*image)->symbol("hangspy_test_known_symbol");
  (void)(*image)->section(".text");
  std::array<std::byte, 64> out{};
  for (const Segment& each : (*image)->segments()) (void)(*image)->read(each.address, out);
}

TEST(Image, SurvivesBeingCutAnywhere) {
  std::vector<char> bytes = own_bytes();
  for (int cut = 1; cut < 40; ++cut) {
    bytes.resize(bytes.size() - bytes.size() / 10 - 1);
    ask_everything(ScratchFile(bytes).path());
    if (bytes.size() < 200) break;
  }
  // Its headers alone claim segments that are not there.
  bytes = own_bytes();
  bytes.resize(2000);
  EXPECT_FALSE(Image::open(ScratchFile(bytes).path()));
}

TEST(Image, SurvivesDamageInItsHeadersAndSectionTable) {
  std::ifstream in("/bin/true", std::ios::binary);
  const std::vector<char> whole{std::istreambuf_iterator<char>(in), {}};
  Elf64_Ehdr header{};
  std::memcpy(&header, whole.data(), sizeof(header));
  std::mt19937 random(7);
  for (int round = 0; round < 600; ++round) {
    std::vector<char> bytes = whole;
    for (int change = 0; change < 3; ++change) {
      const bool in_sections = round % 2 == 0;
      const std::size_t from = in_sections ? header.e_shoff : 16;
      const std::size_t length = in_sections ? bytes.size() - from : 900;
      bytes[from + random() % length] = static_cast<char>(random());
    }
    ask_everything(ScratchFile(bytes).path());
  }
}

TEST(Notes, RefusesSizesThatGoPastTheSegment) {
  for (const std::uint32_t size : {0xffffffffu, 0xfffffffcu, 0x80000000u, 100u}) {
    for (const std::uint64_t alignment : {0u, 1u, 4u, 8u}) {
      std::array<std::uint32_t, 16> words{4, size, 1};
      const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) -> Result<void> {
        EXPECT_LE(offset + out.size(), sizeof(words));
        std::memcpy(out.data(), reinterpret_cast<char*>(words.data()) + offset, out.size());
        return {};
      };
      const auto use = [](const Note&) -> Result<void> { return {}; };
      EXPECT_FALSE(for_each_note(read, 0, sizeof(words), alignment, use));
      words = {size, 4, 1};
      EXPECT_FALSE(for_each_note(read, 0, sizeof(words), alignment, use));
    }
  }
}

TEST(Headers, RefusesACountThatNothingBacks) {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_machine = EM_X86_64;
  header.e_phentsize = sizeof(Elf64_Phdr);
  Elf64_Shdr first{};
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) -> Result<void> {
    if (offset == 0)
      std::memcpy(out.data(), &header, out.size());
    else if (offset == 64)
      std::memcpy(out.data(), &first, out.size());
    else
      return fail(Failure::kFile, "past the end");
    return {};
  };
  header.e_phnum = PN_XNUM;
  EXPECT_FALSE(read_headers(read, "x", kMaxProgramHeaders));  // no section header to ask
  header.e_shoff = 64;
  first.sh_info = 0xffffffff;
  EXPECT_FALSE(read_headers(read, "x", kMaxProgramHeaders));
  first.sh_info = 70000;
  header.e_phoff = 1000;
  EXPECT_FALSE(read_headers(read, "x", kMaxProgramHeaders));
  header.e_phoff = UINT64_MAX - 7;
  EXPECT_FALSE(read_headers(read, "x", kMaxProgramHeaders));
}

}  // namespace
}  // namespace hangspy::elf
