// A core file as a target: bytes from its segments, or from the files it left out; threads from
// its notes; mappings from both.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "elf/file.hpp"
#include "elf/headers.hpp"
#include "hangspy/target.hpp"
#include "target/core_files.hpp"
#include "target/core_memory.hpp"
#include "target/core_notes.hpp"
#include "target/proc_maps.hpp"

namespace hangspy::target {
namespace {

// What every part of the core refers to; made first, and never moved.
struct OpenCore {
  elf::File file;
  CoreFacts facts;
};

class Core final : public Target {
 public:
  Core(const CoreOptions& options, std::unique_ptr<const OpenCore> open, CoreMemory memory)
      : open_(std::move(open)),
        memory_(std::move(memory)),
        files_(options, memory_, open_->facts),
        mappings_(join_mappings()) {}

  [[nodiscard]] Kind kind() const override { return Kind::kCore; }
  [[nodiscard]] Tid pid() const override { return open_->facts.pid; }
  [[nodiscard]] const std::vector<Mapping>& mappings() const override { return mappings_; }
  [[nodiscard]] Result<void> refresh() override { return {}; }  // a core stays what it is
  [[nodiscard]] Result<std::vector<ThreadState>> threads() const override {
    return open_->facts.threads;
  }
  [[nodiscard]] Result<std::vector<std::size_t>> fetch(std::span<const Address> pages,
                                                       std::span<std::byte> out) const override;
  [[nodiscard]] Result<std::filesystem::path> file_behind(const Mapping& mapping) const override;
  [[nodiscard]] Result<std::filesystem::path> file_at(const Text& path) const override {
    return files_.find(path);
  }

 private:
  [[nodiscard]] std::vector<Mapping> join_mappings() const;
  void add_gaps(const MappedFile& file, std::vector<Mapping>& mappings) const;
  [[nodiscard]] Result<void> fetch_page(Address at, std::span<std::byte> out) const;

  std::unique_ptr<const OpenCore> open_;
  CoreMemory memory_;
  CoreFiles files_;
  std::vector<Mapping> mappings_;
};

// A segment with the name of the file that covers its start; and what of the files' ranges has no
// segment. gcore leaves out what is file-backed and never written, hangspy's own capture all but
// the pages of a proof; then nothing says what such a range allowed: it was readable, and whether
// it was code its ELF file knows. Nor does a core say what was shared; private is the rule.
std::vector<Mapping> Core::join_mappings() const {
  std::vector<Mapping> mappings;
  for (const CoreSegment& each : memory_.segments()) {
    Mapping mapping{each.begin,    each.end,        0,    each.readable,
                    each.writable, each.executable, true, {}};
    if (const MappedFile* file = file_at_address(open_->facts.files, each.begin)) {
      mapping.file_offset = file->file_offset + (each.begin.value - file->begin.value);
      mapping.path = file->path;
    }
    mappings.push_back(std::move(mapping));
  }
  for (const MappedFile& file : open_->facts.files) add_gaps(file, mappings);
  std::ranges::sort(mappings, {}, &Mapping::begin);
  return mappings;
}

void Core::add_gaps(const MappedFile& file, std::vector<Mapping>& mappings) const {
  const std::vector<CoreSegment>& segments = memory_.segments();
  const auto add = [&](Address begin, Address end) {
    const std::uint64_t offset = file.file_offset + (begin.value - file.begin.value);
    if (begin < end) mappings.push_back({begin, end, offset, true, false, false, true, file.path});
  };
  Address at = file.begin;
  auto next = std::ranges::upper_bound(segments, at, {}, &CoreSegment::end);
  for (; next != segments.end() && next->begin < file.end; ++next) {
    add(at, next->begin);
    at = next->end;
  }
  add(at, file.end);
}

Result<std::vector<std::size_t>> Core::fetch(std::span<const Address> pages,
                                             std::span<std::byte> out) const {
  if (out.size() != pages.size() * kPageSize) {
    return fail(Failure::kLimit, "room for another number of pages than was asked for");
  }
  std::vector<std::size_t> unread;
  std::array<std::byte, kPageSize> page;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (fetch_page(pages[i], page)) {
      std::memcpy(out.data() + i * kPageSize, page.data(), page.size());
    } else {
      unread.push_back(i);
    }
  }
  return unread;
}

// A page that was cut off must not come from the file behind it: the core would have held it
// because it differs.
Result<void> Core::fetch_page(Address at, std::span<std::byte> out) const {
  if (memory_.holding(at, kPageSize) != CoreMemory::Holding::kLeftOut) return memory_.read(at, out);
  const Mapping* mapping = mapping_at(mappings_, at);
  if (mapping == nullptr || mapping->writable || !mapping->readable) {
    return fail(Failure::kUnmapped, "the core does not hold " + to_hex(at));
  }
  return files_.read_page(at, out);
}

Result<std::filesystem::path> Core::file_behind(const Mapping& mapping) const {
  if (mapping.path.empty()) {
    return fail(Failure::kFile, "no file is mapped at " + to_hex(mapping.begin));
  }
  return files_.find(mapping.path);
}

Result<void> check_not_compressed(const elf::File& file) {
  constexpr std::string_view kGzip("\x1f\x8b", 2);
  constexpr std::string_view kZstd("\x28\xb5\x2f\xfd", 4);
  constexpr std::string_view kXz(
      "\xfd"
      "7zXZ",
      5);
  constexpr std::string_view kLz4("\x04\x22\x4d\x18", 4);
  std::array<char, 8> start{};
  HANGSPY_CHECK(file.read(0, std::as_writable_bytes(std::span(start))));
  const std::string_view bytes(start.data(), start.size());
  for (const std::string_view magic : {kGzip, kZstd, kXz, kLz4}) {
    if (!bytes.starts_with(magic)) continue;
    return fail(Failure::kFile, file.name() + " is compressed",
                "unpack it first (gunzip, unzstd, unxz), or use coredumpctl dump");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Target>> open_core(const CoreOptions& options) {
  HANGSPY_TRY(file, elf::File::open(options.core));
  HANGSPY_CHECK(check_not_compressed(file));
  const elf::ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) {
    return file.read(offset, out);
  };
  HANGSPY_TRY(headers, elf::read_headers(read, file.name(), elf::kMaxProgramHeaders));
  if (headers.type != ET_CORE) {
    return fail(Failure::kFile, file.name() + " is an ELF file, but not a core");
  }
  HANGSPY_TRY(facts, read_core_notes(file, headers));
  auto open = std::make_unique<const OpenCore>(OpenCore{std::move(file), std::move(facts)});
  HANGSPY_TRY(memory, CoreMemory::open(open->file, headers));
  return std::make_unique<Core>(options, std::move(open), std::move(memory));
}

}  // namespace hangspy::target
