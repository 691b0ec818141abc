// Bytes of the target, whatever it is: a live process, a core file, pages copied before, a test's
// own array. Everything that reads CPython takes a `const Memory&` and knows no more than this.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "hangspy/result.hpp"

namespace hangspy::memory {

inline constexpr std::uint64_t kPageSize = 4096;

// What a copy of one moment had to take from elsewhere, counted in reads since the beginning.
struct Motion {
  std::uint64_t torn = 0;   // of bytes of a later moment, and others than just before the copy
  std::uint64_t fresh = 0;  // those, and reads of copied bytes that were others just before it

  bool operator==(const Motion&) const = default;
};

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  virtual ~Memory() = default;

  // Fills all of `out` from `at`, or says why not. Never partly succeeds.
  [[nodiscard]] virtual Result<void> read(Address at, std::span<std::byte> out) const = 0;

  // The same for bytes that do not change while their object lives: a type's name, a code object.
  // A copy of a stopped target may give them from a reading after the stop.
  [[nodiscard]] virtual Result<void> read_lasting(Address at, std::span<std::byte> out) const {
    return read(at, out);
  }

  // The bytes themselves, where they lie in one piece and read() would give just them; else null,
  // and read() says why. Good until the next call.
  [[nodiscard]] const std::byte* at_hand(Address at, std::size_t length) const {
    const std::uint64_t offset = at.value % kPageSize;
    const Hand& hand = hand_[at.value / kPageSize % kHands];
    const bool is_in_it = hand.page == at.value - offset && length <= kPageSize - offset;
    return is_in_it ? hand.bytes + offset : nullptr;
  }

  // A memory that is of one moment, or does not know, has seen none.
  [[nodiscard]] virtual Motion motion() const { return {}; }

  // These will be read soon, one after the other: a hint, so that what has to be fetched is fetched
  // in one go. What cannot be is left to the read, which says so.
  virtual void expect(std::span<const Address> addresses) const { static_cast<void>(addresses); }
  [[nodiscard]] virtual bool takes_hints() const { return false; }

  // Another one of the same target, which a second thread may read while this one is read; null
  // where that cannot be. What it is asked for counts here once it is taken in.
  [[nodiscard]] virtual std::unique_ptr<Memory> beside() const { return nullptr; }
  virtual void take_in(const Memory& other) const { static_cast<void>(other); }

  // Whether any read ended at a bound of ours, or because nothing could be fetched any more, rather
  // than for what the target is. Who reads may take that for a thing that is not there.
  [[nodiscard]] virtual bool has_refused() const { return false; }

 protected:
  // A page that was just read, by some bits of its address: nearly every read falls on one, and
  // then costs no call.
  void lay_at_hand(std::uint64_t page, const std::byte* bytes) const {
    hand_[page / kPageSize % kHands] = {.page = page, .bytes = bytes};
  }
  void lay_all_aside() const { hand_ = {}; }

 private:
  static constexpr std::size_t kHands = 64;
  struct Hand {
    std::uint64_t page = 1;  // no page's address
    const std::byte* bytes = nullptr;
  };
  mutable std::array<Hand, kHands> hand_{};
};

// A memory all of whose reads are of lasting bytes.
class LastingMemory final : public Memory {
 public:
  explicit LastingMemory(const Memory& memory) : memory_(memory) {}
  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override {
    return memory_.read_lasting(at, out);
  }

 private:
  const Memory& memory_;
};

template <class T>
[[nodiscard, gnu::noinline]] Result<T> read_from_afar(const Memory& memory, Address at) {
  T value{};
  HANGSPY_CHECK(memory.read(at, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

// One value of a trivially copyable type, little-endian as the target is.
template <class T>
[[nodiscard]] inline Result<T> read_as(const Memory& memory, Address at) {
  static_assert(std::is_trivially_copyable_v<T>);
  const auto* bytes = memory.at_hand(at, sizeof(T));
  if (bytes == nullptr) return read_from_afar<T>(memory, at);
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

}  // namespace hangspy::memory
