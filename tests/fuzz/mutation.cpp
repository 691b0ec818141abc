// Which values: those at which bounds, signs and sums break, and pointers to the wrong object.
#include "mutation.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "memory/memory.hpp"

namespace hangspy::fuzz {
namespace {

constexpr std::uint64_t kMaxLength = 0x10000;  // a word up to here may be a length or a count

constexpr std::array<std::uint64_t, 16> kNumbers = {
    0,        1,          2,          0x7f,       0xff,        0xffff,      0x10000,     0xfffff,
    0x100000, 0x7fffffff, 0x80000000, 0xffffffff, 1ULL << 32U, 1ULL << 47U, ~0ULL >> 1U, ~0ULL};

std::uint64_t spoilt_number(std::uint64_t value, std::uint64_t what) {
  const auto index = what % (kNumbers.size() + 5);
  if (index < kNumbers.size()) return kNumbers[index];
  const std::array<std::uint64_t, 5> near = {value + 1, value - 1, value * 2, value << 32U,
                                             value ^ (1ULL << (what >> 32U & 63U))};
  return near[index - kNumbers.size()];
}

std::size_t size_of(const Mutation& mutation) {
  return mutation.kind == Kind::kByte ? 1 : sizeof(std::uint64_t);
}

}  // namespace

std::string to_string(const Mutation& mutation) {
  constexpr std::array kNames = {"byte", "pointer", "length"};
  return std::string(kNames[static_cast<std::size_t>(mutation.kind)]) + " at " +
         to_hex(mutation.at) + ": " + to_hex({mutation.before}) + " becomes " +
         to_hex({mutation.after});
}

Places::Places(const images::Image& image) {
  for (const auto& range : image.ranges()) {
    for (auto at = range.at; at < range.at + range.size; at = at + sizeof(std::uint64_t)) {
      words_.push_back({at, memory::read_as<std::uint64_t>(image, at).value_or(0)});
    }
  }
  const auto was_read = [&](std::uint64_t at) {
    const auto after = std::upper_bound(
        image.ranges().begin(), image.ranges().end(), Address{at},
        [](Address value, const images::Range& range) { return value < range.at; });
    return after != image.ranges().begin() && Address{at} < (after - 1)->at + (after - 1)->size;
  };
  for (const auto& word : words_) {
    if (word.value < kMaxLength) lengths_.push_back(word);
    if (was_read(word.value)) pointers_.push_back(word);
  }
}

std::uint64_t Places::other_pointer(const Word& word, std::uint64_t what) const {
  const auto bits = what >> 8U;
  switch (what % 10) {
    case 0:
      return 0;
    case 1:
      return word.at.value;  // to itself
    case 2:
      return word.value + 8 * (bits % 64) - 256;
    case 3:
      return word.value ^ (1ULL << (bits % 64));
    case 4:
      return kNumbers[bits % kNumbers.size()];
    case 5: {  // a neighbour's pointer: often of the same type
      const auto index = static_cast<std::size_t>(
          std::lower_bound(pointers_.begin(), pointers_.end(), word.at,
                           [](const Word& each, Address at) { return each.at < at; }) -
          pointers_.begin());
      return pointers_[(index + 1 + bits % 8) % pointers_.size()].value;
    }
    default:
      return pointers_[bits % pointers_.size()].value;
  }
}

Mutation Places::choose(Kind kind, std::uint64_t where, std::uint64_t what) const {
  if (kind == Kind::kByte) {
    const auto& word = words_[where / 8 % words_.size()];
    const auto shift = where % 8;
    return {kind, word.at + shift, word.value >> (8 * shift) & 0xff, what & 0xff};
  }
  if (kind == Kind::kLength) {
    const auto& word = lengths_[where % lengths_.size()];
    return {kind, word.at, word.value, spoilt_number(word.value, what)};
  }
  const auto& word = pointers_[where % pointers_.size()];
  return {kind, word.at, word.value, other_pointer(word, what)};
}

Spoilt::Spoilt(images::Image& image, std::vector<Mutation> mutations)
    : image_(image), mutations_(std::move(mutations)) {
  for (const auto& each : mutations_) {
    image_.write(each.at, std::as_bytes(std::span(&each.after, 1)).first(size_of(each)));
  }
}

// Backwards: two mutations may be of the same place.
Spoilt::~Spoilt() {
  for (auto each = mutations_.rbegin(); each != mutations_.rend(); ++each) {
    image_.write(each->at, std::as_bytes(std::span(&each->before, 1)).first(size_of(*each)));
  }
}

}  // namespace hangspy::fuzz
