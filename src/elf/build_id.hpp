// The build id: the fingerprint by which a file is known to be the one that is mapped.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "elf/headers.hpp"
#include "hangspy/result.hpp"
#include "memory/memory.hpp"

namespace hangspy::elf {

using BuildId = std::vector<std::byte>;

// Finds the build id among the notes of `headers`, where `place` gives the offset in `read` of a
// segment. Empty when the image has none. Errors: kFile, and what `read` says.
[[nodiscard]] Result<std::optional<BuildId>> find_build_id(
    const ReadAt& read, const Headers& headers,
    const std::function<std::uint64_t(const Elf64_Phdr&)>& place);

// The build id of the image whose first byte is mapped at `image_base`, from the target's memory
// alone. Empty when it has none. Errors: kFile (no ELF image there), and what `memory` says.
[[nodiscard]] Result<std::optional<BuildId>> build_id_in_memory(const memory::Memory& memory,
                                                                Address image_base);

}  // namespace hangspy::elf
