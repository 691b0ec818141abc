// Failure is a value. Every function below `main` that can fail returns a Result<T>; an Error says
// what was wrong, at which address or path, and what the user can do next.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace hangspy {

// An address in the target. It never points into hangspy, so it cannot be dereferenced.
struct Address {
  std::uint64_t value = 0;

  constexpr auto operator<=>(const Address&) const = default;
  constexpr explicit operator bool() const { return value != 0; }
};

// Wraps like the machine's own addition does; a wild sum is found out when it is read.
constexpr Address operator+(Address at, std::uint64_t bytes) {
  return {at.value + bytes};
}
constexpr Address operator-(Address at, std::uint64_t bytes) {
  return {at.value - bytes};
}

// What kind of failure this is. The exit code and the words of the report depend on it.
enum class Failure : std::uint8_t {
  kUsage,        // the command line
  kNoProcess,    // no such pid
  kPermission,   // the kernel said no
  kNotPython,    // no CPython runtime in the target
  kUnsupported,  // CPython, but of a version or build that has no layout here
  kSupervisor,   // the pid is a server's supervisor; its workers hang, not it
  kGone,         // the target went away while it was read
  kUnmapped,     // the target has no readable byte at this address
  kNotCopied,    // the byte may exist, but this frozen copy does not hold its page
  kImplausible,  // a value that no healthy CPython holds: a type, length or count out of bounds
  kLimit,        // a bound of ours was reached
  kFile,         // a file could not be opened or is not what it should be
};

struct Error {
  Failure failure = Failure::kImplausible;
  std::string what;       // one sentence, no full stop, with the address, path or number
  std::string next_step;  // what the user can do; empty when there is nothing to advise
};

template <class T>
using Result = tl::expected<T, Error>;

[[nodiscard]] inline tl::unexpected<Error> fail(Failure failure, std::string what,
                                                std::string next_step = {}) {
  return tl::unexpected<Error>(Error{failure, std::move(what), std::move(next_step)});
}

// "0x7f3a1c0d2b80"
[[nodiscard]] std::string to_hex(Address at);

}  // namespace hangspy

// HANGSPY_TRY(name, expression): binds `name` to the value, or returns the error to the caller.
#define HANGSPY_TRY(name, ...)                                                     \
  auto name##_or_error = (__VA_ARGS__);                                            \
  if (!name##_or_error) return tl::unexpected(std::move(name##_or_error.error())); \
  auto&& name = *std::move(name##_or_error)

// HANGSPY_CHECK(expression): the same for a Result<void>.
#define HANGSPY_CHECK(...) \
  if (auto checked = (__VA_ARGS__); !checked) return tl::unexpected(std::move(checked.error()))
