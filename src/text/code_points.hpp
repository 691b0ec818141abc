// Bytes cut into what a reader sees of them: characters, lone surrogates, and bytes that are no
// UTF-8. Each byte belongs to exactly one of them, so whoever walks over all loses none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hangspy::text {

enum class Unit : std::uint8_t {
  kCharacter,      // a Unicode scalar value in its shortest form
  kLoneSurrogate,  // U+D800 to U+DFFF in three bytes (WTF-8)
  kInvalidByte,
};

struct CodePoint {
  Unit unit = Unit::kInvalidByte;
  std::uint32_t value = 0;  // of an invalid byte, the byte
  std::string_view bytes;   // one to four of them
};

// The first code point of `bytes`, which must not be empty.
[[nodiscard]] CodePoint first_code_point(std::string_view bytes);

// The columns that a character takes: 2 when wide, 0 when it is a control or combining character.
[[nodiscard]] std::size_t width_of(std::uint32_t character);
[[nodiscard]] bool is_mark(std::uint32_t character);

// Characters that show nothing or change what others show: controls, bidirectional marks,
// zero-width and filler characters, variation selectors, tags, line separators, noncharacters.
[[nodiscard]] bool is_unprintable(std::uint32_t character);

// The last two digits of `byte` in hexadecimal, as in \x1b.
[[nodiscard]] std::string hex_escape(std::uint8_t byte);

}  // namespace hangspy::text
