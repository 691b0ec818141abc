// What CPython says of its own structs: _Py_DebugOffsets, the first bytes of _PyRuntime since 3.13.
//
// Some structs move within a minor release (gh-142183 made a thread state of 3.13 a word longer),
// so for the runtime, the interpreter and the thread state these numbers replace those of the
// table. Structs that never moved are only compared: when the target's numbers differ there, the
// fields that it does not mention cannot be trusted either, and reading on would invent facts.
//
// Source: Include/internal/pycore_runtime.h, struct _Py_DebugOffsets, v3.13.0.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hangspy/result.hpp"
#include "python/layouts/layout.hpp"

namespace hangspy::python::layouts {

class DebugOffsets {
 public:
  static constexpr std::size_t kHeaderSize = 24;  // cookie, version, free_threaded
  static constexpr std::size_t kSize = 584;       // of 3.13; each minor has another

  // Whether these bytes begin with the cookie; before 3.13 the runtime begins with other things.
  [[nodiscard]] static bool is_at(std::span<const std::byte> bytes);

  // Needs kSize bytes of a 3.13, or kHeaderSize bytes to know the version of another.
  // Errors: kNotPython without the cookie; kImplausible when there are too few bytes, or numbers
  // that no build has.
  [[nodiscard]] static Result<DebugOffsets> parse(std::span<const std::byte> bytes);

  [[nodiscard]] int major() const { return static_cast<int>(version_ >> 24 & 0xff); }
  [[nodiscard]] int minor() const { return static_cast<int>(version_ >> 16 & 0xff); }
  [[nodiscard]] int micro() const { return static_cast<int>(version_ >> 8 & 0xff); }
  [[nodiscard]] bool free_threaded() const { return free_threaded_; }

  // `table` with the target's own numbers. Error: kUnsupported with both numbers where they
  // contradict each other.
  [[nodiscard]] Result<Layout> over(const Layout& table) const;

 private:
  std::uint64_t version_ = 0;
  bool free_threaded_ = false;
  std::vector<std::uint64_t> words_;  // all of the struct, as 64-bit words; empty if not 3.13
};

}  // namespace hangspy::python::layouts
