// What the notes of a core say: the process, its threads with their registers, and which files
// were mapped where. Layouts are the kernel's (fs/binfmt_elf.c, include/uapi/linux/elfcore.h).
#pragma once

#include <cstdint>
#include <vector>

#include "elf/file.hpp"
#include "elf/headers.hpp"
#include "hangspy/result.hpp"
#include "hangspy/target.hpp"

namespace hangspy::target {

// One range of memory that a file was mapped to.
struct MappedFile {
  Address begin;
  Address end;
  std::uint64_t file_offset = 0;  // bytes
  Text path;
};

struct CoreFacts {
  Tid pid = 0;
  std::vector<ThreadState> threads;  // sorted by tid, at least one
  std::vector<MappedFile> files;     // sorted by address, none overlapping
  Address program_headers;           // of the main executable, where it was mapped (AT_PHDR); or 0
};

// Reads all notes. Errors: kFile (cut, damaged, no thread, one tid twice).
[[nodiscard]] Result<CoreFacts> read_core_notes(const elf::File& core, const elf::Headers& headers);

}  // namespace hangspy::target
