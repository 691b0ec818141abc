// Which characters take two columns on a terminal, and which take none.
//
// Data from the Unicode database, kept here because wcwidth() of the C library answers by the
// locale of whoever runs hangspy, and a report must be the same text everywhere.
#pragma once

#include <cstdint>
#include <span>

namespace hangspy::text {

struct Range {
  std::uint32_t first, last;
};

// Ascending and apart from each other.
[[nodiscard]] std::span<const Range> wide_ranges();
[[nodiscard]] std::span<const Range> mark_ranges();

}  // namespace hangspy::text
