// Bytes of a core. A cut core is a normal input (a supervisor that sends SIGABRT and a second
// later SIGKILL cuts the kernel's dump): what lies past its end is unreadable, never zero.
#include "target/core_memory.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "elf/bounds.hpp"

namespace hangspy::target {

Result<CoreMemory> CoreMemory::open(const elf::File& core, const elf::Headers& headers) {
  CoreMemory memory(core);
  for (const Elf64_Phdr& each : headers.program) {
    if (each.p_type != PT_LOAD || each.p_memsz == 0) continue;
    if (!elf::fits(UINT64_MAX, each.p_vaddr, each.p_memsz) ||
        !elf::fits(UINT64_MAX, each.p_offset, each.p_filesz) || each.p_filesz > each.p_memsz) {
      return fail(Failure::kFile, core.name() + " is damaged: its segment for " +
                                      to_hex({each.p_vaddr}) + " has impossible bounds");
    }
    const Address begin{each.p_vaddr};
    memory.segments_.push_back({begin, begin + each.p_memsz, each.p_offset, each.p_filesz,
                                (each.p_flags & PF_R) != 0, (each.p_flags & PF_W) != 0,
                                (each.p_flags & PF_X) != 0});
  }
  std::ranges::sort(memory.segments_, {}, &CoreSegment::begin);
  const auto overlap = [](const CoreSegment& a, const CoreSegment& b) { return b.begin < a.end; };
  if (std::ranges::adjacent_find(memory.segments_, overlap) != memory.segments_.end()) {
    return fail(Failure::kFile, core.name() + " is damaged: two of its segments overlap");
  }
  return memory;
}

const CoreSegment* CoreMemory::segment_at(Address at) const {
  auto after = std::ranges::upper_bound(segments_, at, {}, &CoreSegment::begin);
  if (after == segments_.begin()) return nullptr;
  --after;
  return at < after->end ? &*after : nullptr;
}

CoreMemory::Holding CoreMemory::holding(Address at, std::uint64_t length) const {
  const CoreSegment* segment = segment_at(at);
  if (segment == nullptr) return Holding::kLeftOut;
  const std::uint64_t offset = at.value - segment->begin.value;
  if (offset >= segment->file_size) return Holding::kLeftOut;
  const bool whole = elf::fits(segment->file_size, offset, length) &&
                     elf::fits(core_->size(), segment->file_offset + offset, length);
  return whole ? Holding::kHeld : Holding::kCut;
}

Result<void> CoreMemory::read(Address at, std::span<std::byte> out) const {
  // All of it must be there before the first byte is copied.
  for (const bool copy : {false, true}) {
    Address from = at;
    for (std::span<std::byte> rest = out; !rest.empty();) {
      const CoreSegment* segment = segment_at(from);
      const std::uint64_t left = segment == nullptr ? 0 : segment->end.value - from.value;
      const std::size_t length = std::min<std::uint64_t>(rest.size(), left);
      if (length == 0 || holding(from, length) != Holding::kHeld) {
        return fail(Failure::kUnmapped, core_->name() + " does not hold " + to_hex(from));
      }
      const std::uint64_t offset = segment->file_offset + (from.value - segment->begin.value);
      if (copy) HANGSPY_CHECK(core_->read(offset, rest.first(length)));
      rest = rest.subspan(length);
      from = from + length;
    }
  }
  return {};
}

}  // namespace hangspy::target
