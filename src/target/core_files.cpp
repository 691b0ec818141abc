// Finds, compares and reads the files behind a core.
#include "target/core_files.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "elf/bounds.hpp"
#include "elf/build_id.hpp"

namespace hangspy::target {
namespace {

// Whether any part of the image's page at `at`, a linker's address, is loaded writable.
bool is_written(const std::vector<elf::Segment>& segments, Address at) {
  return std::ranges::any_of(segments, [&](const elf::Segment& each) {
    return each.writable && at < each.address + each.memory_size && each.address < at + kPageSize;
  });
}

// Where the file's first byte is, in the linker's addresses.
Address linked_start(const std::vector<elf::Segment>& segments) {
  return segments.front().address - segments.front().file_offset;
}

}  // namespace

const MappedFile* file_at_address(const std::vector<MappedFile>& files, Address at) {
  auto after = std::ranges::upper_bound(files, at, {}, &MappedFile::begin);
  if (after == files.begin()) return nullptr;
  --after;
  return at < after->end ? &*after : nullptr;
}

CoreFiles::CoreFiles(const CoreOptions& options, const CoreMemory& memory, const CoreFacts& facts)
    : memory_(memory),
      facts_(facts),
      executable_(options.executable),
      rooted_(options.sysroot.value_or("/")) {
  const MappedFile* main = file_at_address(facts.files, facts.program_headers);
  if (main != nullptr) executable_path_ = main->path;
  std::map<Text, const MappedFile*> latest;
  for (const MappedFile& each : facts.files) {
    if (each.file_offset == 0) latest[each.path] = &each;
    const auto start = latest.find(each.path);
    starts_.push_back(start == latest.end() ? nullptr : start->second);
  }
}

const MappedFile* CoreFiles::start_of(const MappedFile& mapped) const {
  return starts_[static_cast<std::size_t>(&mapped - facts_.files.data())];
}

Result<std::filesystem::path> CoreFiles::find(const Text& path) const {
  if (executable_ && !path.empty() && path == executable_path_) {
    return rooted_.hold("the executable", *executable_);
  }
  return rooted_.find(path);
}

Result<void> CoreFiles::read_page(Address at, std::span<std::byte> out) const {
  const MappedFile* mapped = file_at_address(facts_.files, at);
  const MappedFile* start = mapped == nullptr ? nullptr : start_of(*mapped);
  if (start == nullptr) return fail(Failure::kUnmapped, "the core does not hold " + to_hex(at));
  const Standin& standin = standin_for(*start);
  if (!standin.file) return tl::unexpected(standin.refusal);
  const Address linked = linked_start(standin.segments) + (at.value - start->begin.value);
  std::uint64_t offset = 0;
  if (__builtin_add_overflow(mapped->file_offset, at.value - mapped->begin.value, &offset) ||
      offset >= standin.file->size() || is_written(standin.segments, linked)) {
    return fail(Failure::kUnmapped, "neither the core nor the file has " + to_hex(at));
  }
  // The last page of a file ends in zeros, as the kernel maps it.
  const std::uint64_t length = std::min<std::uint64_t>(out.size(), standin.file->size() - offset);
  HANGSPY_CHECK(standin.file->read(offset, out.first(length)));
  std::ranges::fill(out.subspan(length), std::byte{0});
  return {};
}

const CoreFiles::Standin& CoreFiles::standin_for(const MappedFile& start) const {
  const auto known = standins_.find(start.begin);
  if (known != standins_.end()) return known->second;
  auto opened = open_matching(start);
  if (!opened) {
    spdlog::debug("{}", opened.error().what);
    opened = Standin{std::nullopt, {}, std::move(opened.error())};
  }
  return standins_.emplace(start.begin, std::move(*opened)).first->second;
}

Result<CoreFiles::Standin> CoreFiles::open_matching(const MappedFile& start) const {
  HANGSPY_TRY(found, find(start.path));
  HANGSPY_TRY(image, elf::Image::open(found));
  HANGSPY_CHECK(compare(start, *image));
  HANGSPY_TRY(file, elf::File::open(found));
  return Standin{std::move(file), image->segments(), {}};
}

// A core without the first page of an image (coredump_filter without bit 4) cannot be compared;
// then the path is all there is. A first page that was cut off is no reason to trust the path.
Result<void> CoreFiles::compare(const MappedFile& start, const elf::Image& image) const {
  using Holding = CoreMemory::Holding;
  const Holding holding = memory_.holding(start.begin, sizeof(Elf64_Ehdr));
  if (holding == Holding::kLeftOut) {
    spdlog::debug("the core holds no build id of {}", to_line(start.path));
    return {};
  }
  HANGSPY_TRY(in_core, elf::build_id_in_memory(memory_, start.begin));
  if (in_core == image.build_id()) return {};
  return fail(Failure::kFile, to_line(start.path) + " is not the file that the process had mapped",
              "name the right one with the executable argument or --sysroot");
}

}  // namespace hangspy::target
