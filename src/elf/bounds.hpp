// The one test that every offset and length out of a file goes through.
#pragma once

#include <cstdint>

namespace hangspy::elf {

// Whether `length` bytes from `offset` lie within `size` bytes. Never wraps.
[[nodiscard]] constexpr bool fits(std::uint64_t size, std::uint64_t offset, std::uint64_t length) {
  return offset <= size && length <= size - offset;
}

// `value` rounded up to a multiple of `step`, a power of two. The caller keeps it from wrapping.
[[nodiscard]] constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t step) {
  return (value + (step - 1)) & ~(step - 1);
}

}  // namespace hangspy::elf
