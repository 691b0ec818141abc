// Bytes of the target, whatever it is: a live process, a core file, pages copied before, a test's
// own array. Everything that reads CPython takes a `const Memory&` and knows no more than this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

#include "hangspy/result.hpp"

namespace hangspy::memory {

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  virtual ~Memory() = default;

  // Fills all of `out` from `at`, or says why not. Never partly succeeds.
  [[nodiscard]] virtual Result<void> read(Address at, std::span<std::byte> out) const = 0;
};

// One value of a trivially copyable type, little-endian as the target is.
template <class T>
[[nodiscard]] Result<T> read_as(const Memory& memory, Address at) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  HANGSPY_CHECK(memory.read(at, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

}  // namespace hangspy::memory
