// Spoiling a memory image: bytes, pointers and lengths that were read of a real worker, replaced by
// what a torn read, a race or a hostile target would put there.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "image.hpp"

namespace hangspy::fuzz {

enum class Kind : std::uint8_t { kByte, kPointer, kLength };

struct Mutation {
  Kind kind = Kind::kByte;
  Address at;
  std::uint64_t before = 0;
  std::uint64_t after = 0;  // its first byte for kByte, else all of it
};
// "pointer at 0x7f... : 0x... becomes 0x..."
[[nodiscard]] std::string to_string(const Mutation& mutation);

// Where an image may be spoilt: its words by what they look like. Choices are numbers, reduced to
// what there is; the same numbers always give the same mutation.
class Places {
 public:
  explicit Places(const images::Image& image);

  [[nodiscard]] Mutation choose(Kind kind, std::uint64_t where, std::uint64_t what) const;

 private:
  struct Word {
    Address at;
    std::uint64_t value = 0;
  };
  [[nodiscard]] std::uint64_t other_pointer(const Word& word, std::uint64_t what) const;

  std::vector<Word> words_;     // all that were read, aligned
  std::vector<Word> pointers_;  // those that lead to something that was read
  std::vector<Word> lengths_;   // small numbers
};

// The image is spoilt while this lives.
class Spoilt {
 public:
  Spoilt(images::Image& image, std::vector<Mutation> mutations);
  Spoilt(const Spoilt&) = delete;
  Spoilt& operator=(const Spoilt&) = delete;
  ~Spoilt();

 private:
  images::Image& image_;
  std::vector<Mutation> mutations_;
};

}  // namespace hangspy::fuzz
