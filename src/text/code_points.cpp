#include "text/code_points.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "text/width_tables.hpp"

namespace hangspy::text {
namespace {

// The property Default_Ignorable_Code_Point of Unicode, and what else must not reach a terminal.
constexpr auto kUnprintable = std::to_array<Range>({
    {0x0000, 0x001f},    // C0 controls
    {0x007f, 0x009f},    // DEL, C1 controls
    {0x00ad, 0x00ad},    // soft hyphen
    {0x034f, 0x034f},    // combining grapheme joiner
    {0x061c, 0x061c},    // Arabic letter mark
    {0x115f, 0x1160},    // Hangul fillers
    {0x17b4, 0x17b5},    // Khmer inherent vowels
    {0x180b, 0x180f},    // Mongolian selectors and separator
    {0x200b, 0x200f},    // zero-width space and joiners, left-to-right and right-to-left marks
    {0x2028, 0x202e},    // line and paragraph separators, bidirectional embeddings and overrides
    {0x2060, 0x206f},    // word joiner, invisible operators, bidirectional isolates
    {0x3164, 0x3164},    // Hangul filler
    {0xd800, 0xdfff},    // surrogates
    {0xfdd0, 0xfdef},    // noncharacters
    {0xfe00, 0xfe0f},    // variation selectors
    {0xfeff, 0xfeff},    // byte order mark
    {0xffa0, 0xffa0},    // halfwidth Hangul filler
    {0xfff0, 0xfffb},    // unassigned ignorables, interlinear annotations
    {0x1bca0, 0x1bca3},  // shorthand format controls
    {0x1d173, 0x1d17a},  // musical format controls
    {0xe0000, 0xe0fff},  // tags, variation selectors
});
constexpr std::uint32_t kLastOfPlane = 0xfffe;  // and 0xffff: noncharacters in every plane
constexpr std::uint32_t kHighestCharacter = 0x10ffff;

bool contains(std::span<const Range> ranges, std::uint32_t value) {
  const auto after = std::upper_bound(
      ranges.begin(), ranges.end(), value,
      [](std::uint32_t wanted, const Range& range) { return wanted < range.first; });
  return after != ranges.begin() && value <= std::prev(after)->last;
}

// What a first byte announces: how many bytes, their first bits, and the least value that needs so
// many (a smaller one is an overlong form, which is invalid).
struct Lead {
  std::size_t length = 0;
  std::uint32_t bits = 0;
  std::uint32_t least = 0;
};

Lead lead_of(std::uint8_t byte) {
  if (byte < 0x80) return {1, byte, 0};
  if ((byte & 0xe0) == 0xc0) return {2, byte & 0x1fU, 0x80};
  if ((byte & 0xf0) == 0xe0) return {3, byte & 0x0fU, 0x800};
  if ((byte & 0xf8) == 0xf0) return {4, byte & 0x07U, 0x10000};
  return {};
}

}  // namespace

CodePoint first_code_point(std::string_view bytes) {
  const auto first = static_cast<std::uint8_t>(bytes.front());
  const CodePoint invalid{Unit::kInvalidByte, first, bytes.substr(0, 1)};
  const auto lead = lead_of(first);
  if (lead.length == 0 || lead.length > bytes.size()) return invalid;
  auto value = lead.bits;
  for (std::size_t i = 1; i < lead.length; ++i) {
    const auto byte = static_cast<std::uint8_t>(bytes[i]);
    if ((byte & 0xc0) != 0x80) return invalid;
    value = value << 6 | (byte & 0x3fU);
  }
  if (value < lead.least || value > kHighestCharacter) return invalid;
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return {surrogate ? Unit::kLoneSurrogate : Unit::kCharacter, value, bytes.substr(0, lead.length)};
}

bool is_mark(std::uint32_t character) {
  return contains(mark_ranges(), character);
}

bool is_unprintable(std::uint32_t character) {
  return contains(kUnprintable, character) || (character & kLastOfPlane) == kLastOfPlane;
}

std::size_t width_of(std::uint32_t character) {
  if (character >= 0x20 && character < 0x7f) return 1;
  if (is_unprintable(character) || is_mark(character)) return 0;
  return contains(wide_ranges(), character) ? 2 : 1;
}

std::string hex_escape(std::uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 0xf]};
}

}  // namespace hangspy::text
