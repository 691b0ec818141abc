// The memory of a core: its segments, and nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "elf/file.hpp"
#include "elf/headers.hpp"
#include "hangspy/result.hpp"
#include "hangspy/target.hpp"
#include "memory/memory.hpp"

namespace hangspy::target {

// One PT_LOAD of the core.
struct CoreSegment {
  Address begin;
  Address end;
  std::uint64_t file_offset = 0;
  std::uint64_t file_size = 0;  // of it, the first bytes that the core should hold
  bool readable = false;
  bool writable = false;
  bool executable = false;
};

class CoreMemory final : public memory::Memory {
 public:
  // Errors: kFile (segments that overlap, wrap, or hold more than they span).
  // `core` must outlive this.
  [[nodiscard]] static Result<CoreMemory> open(const elf::File& core, const elf::Headers& headers);

  // Sorted by address, none overlapping.
  [[nodiscard]] const std::vector<CoreSegment>& segments() const { return segments_; }

  // What the core says of a range: it is there; it should be but the file ends before it; or the
  // core never had it (whoever wrote it left out what the mapped file has).
  enum class Holding : std::uint8_t { kHeld, kCut, kLeftOut };
  [[nodiscard]] Holding holding(Address at, std::uint64_t length) const;

  // Across segments too. Errors: kUnmapped when a byte is not in the core.
  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override;

  CoreMemory(CoreMemory&& other) noexcept
      : core_(other.core_), segments_(std::move(other.segments_)) {}

 private:
  explicit CoreMemory(const elf::File& core) : core_(&core) {}
  [[nodiscard]] const CoreSegment* segment_at(Address at) const;

  const elf::File* core_;
  std::vector<CoreSegment> segments_;
};

}  // namespace hangspy::target
