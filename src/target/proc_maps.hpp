// The mappings of a process, from the text of /proc/PID/maps.
#pragma once

#include <string_view>
#include <vector>

#include "hangspy/result.hpp"
#include "hangspy/target.hpp"

namespace hangspy::target {

// vm.max_map_count is 65,530 unless somebody raised it; a million of lines is 100 MB of text.
inline constexpr std::size_t kMaxMappings = 1'000'000;
inline constexpr std::size_t kMaxMapsText = 128 << 20;

// Each line is "begin-end rwxp offset major:minor inode   path". The path is everything after the
// blanks, and may hold blanks, escape codes or " (deleted)"; the kernel writes a newline in it as
// \012. Errors: kFile, kLimit. Empty for a process without memory (a kernel thread, a zombie).
[[nodiscard]] Result<std::vector<Mapping>> parse_maps(std::string_view text);

// The mapping that holds `at`, or null.
[[nodiscard]] const Mapping* mapping_at(const std::vector<Mapping>& mappings, Address at);

}  // namespace hangspy::target
