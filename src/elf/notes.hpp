// Walks ELF notes: build ids in images, and in a core nearly everything but memory.
//
// The kernel writes core notes with a segment alignment of 0 or 1 and lays them out by 4; only an
// alignment of 8 means 8 (elf(5), fs/binfmt_elf.c). Descriptions are not copied while walking,
// since those of a large core are mostly registers that nobody asks for.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "elf/headers.hpp"
#include "hangspy/result.hpp"

namespace hangspy::elf {

struct Note {
  std::string owner;  // "GNU", "CORE"; empty when longer than any known owner
  std::uint32_t type = 0;
  std::uint64_t offset = 0;  // of the description
  std::uint32_t size = 0;    // of the description, in bytes, all within the segment
};

// Calls `use` for each note of the `size` bytes at `offset` until it fails. Errors: kFile (a note
// that goes past the end, too many of them), what `read` says, and what `use` says.
[[nodiscard]] Result<void> for_each_note(const ReadAt& read, std::uint64_t offset,
                                         std::uint64_t size, std::uint64_t alignment,
                                         const std::function<Result<void>(const Note&)>& use);

}  // namespace hangspy::elf
