// The ELF header and its program headers, from wherever they lie: a file, a core, or the memory of
// a target into which the image is mapped.
//
// libelf reads files only, and gives up on a core that was cut; these few fields are all that is
// needed of either. 64-bit little-endian x86-64 only.
#pragma once

#include <elf.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hangspy/result.hpp"

namespace hangspy::elf {

// Fills all of the span from this offset, or says why not.
using ReadAt = std::function<Result<void>(std::uint64_t, std::span<std::byte>)>;

struct Headers {
  std::uint16_t type = ET_NONE;  // ET_EXEC, ET_DYN, ET_CORE
  std::uint16_t machine = EM_NONE;
  std::vector<Elf64_Phdr> program;
};

// A core of a process with vm.max_map_count mappings at its usual largest has a million.
inline constexpr std::uint32_t kMaxProgramHeaders = 1 << 20;

// Reads the headers that begin at offset 0 of `read`. `name` is for messages. Errors: kFile (not
// an ELF file, not for this machine, more than `max_program_headers`) and what `read` says.
[[nodiscard]] Result<Headers> read_headers(const ReadAt& read, const std::string& name,
                                           std::uint32_t max_program_headers);

}  // namespace hangspy::elf
