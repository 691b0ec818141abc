// The line door: whatever the bytes are, one line comes out that acts on no terminal.
#include <gtest/gtest.h>

#include <spdlog/fmt/fmt.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <ostream>
#include <random>
#include <sstream>

#include "hangspy/phrase.hpp"
#include "hangspy/text.hpp"
#include "text/code_points.hpp"

namespace hangspy {
namespace {

// The one way out is a door: neither a stream nor a string takes a Text.
template <class Stream>
concept Prints = requires(Stream& stream, const Text& text) { stream << text; };
template <class String>
concept Joins = requires(String string, const Text& text) { string + text; };
template <class String>
concept JoinsAtTheFront = requires(String string, const Text& text) { text + string; };
template <class String>
concept Appends = requires(String& string, const Text& text) { string += text; };
static_assert(!Prints<std::ostream>);
static_assert(!Prints<std::ostringstream>);
static_assert(!Joins<std::string> && !Joins<const char*>);
static_assert(!JoinsAtTheFront<std::string> && !JoinsAtTheFront<const char*>);
static_assert(!Appends<std::string>);
static_assert(!fmt::is_formattable<Text>::value && !fmt::is_formattable<Phrase>::value);  // spdlog
static_assert(!std::is_constructible_v<nlohmann::json, Text>);
static_assert(!std::is_constructible_v<std::string, Text>);
static_assert(!std::is_constructible_v<std::string_view, Text>);
static_assert(!std::is_constructible_v<std::filesystem::path, Text>);
static_assert(!std::is_convertible_v<Text, std::string>);
static_assert(!std::is_convertible_v<Text, std::string_view>);
static_assert(!std::is_convertible_v<std::string, Text>);

std::string line(std::string bytes, std::size_t columns = 96, bool ascii = false) {
  return to_line(Text::of_target(std::move(bytes)), {.max_columns = columns, .ascii = ascii});
}

std::string utf8(std::uint32_t point) {
  const auto byte = [](std::uint32_t bits) { return static_cast<char>(bits); };
  if (point < 0x80) return {byte(point)};
  if (point < 0x800) return {byte(0xc0 | point >> 6), byte(0x80 | (point & 0x3f))};
  if (point < 0x10000) {
    return {byte(0xe0 | point >> 12), byte(0x80 | (point >> 6 & 0x3f)),
            byte(0x80 | (point & 0x3f))};
  }
  return {byte(0xf0 | point >> 18), byte(0x80 | (point >> 12 & 0x3f)),
          byte(0x80 | (point >> 6 & 0x3f)), byte(0x80 | (point & 0x3f))};
}

// Valid UTF-8 of characters that print, and of no others.
void expect_harmless(std::string_view shown) {
  while (!shown.empty()) {
    const auto point = text::first_code_point(shown);
    ASSERT_EQ(point.unit, text::Unit::kCharacter);
    ASSERT_FALSE(text::is_unprintable(point.value)) << std::hex << point.value;
    shown.remove_prefix(point.bytes.size());
  }
}

TEST(Line, ShowsPlainTextAsItIs) {
  EXPECT_EQ(line(""), "");
  EXPECT_EQ(line("load-rates"), "load-rates");
  EXPECT_EQ(line("C:\\temp"), "C:\\temp");
  EXPECT_EQ(line("größe → 値段 😀"), "größe → 値段 😀");
}

TEST(Line, ShowsEachOfThe256BytesHarmlessly) {
  for (int byte = 0; byte < 256; ++byte) {
    const auto shown = line({static_cast<char>(byte)});
    expect_harmless(shown);
    const bool printable = byte >= 0x20 && byte < 0x7f;
    EXPECT_EQ(shown.size(), printable                                      ? 1U
                            : byte == '\n' || byte == '\r' || byte == '\t' ? 2U
                                                                           : 4U);
  }
  EXPECT_EQ(line(std::string("\0", 1)), "\\x00");
  EXPECT_EQ(line("a\nb\r\tc"), "a\\nb\\r\\tc");
  EXPECT_EQ(line("\x1b[31mred\x07"), "\\x1b[31mred\\x07");
  EXPECT_EQ(line("\x7f"), "\\x7f");
  EXPECT_EQ(line("::error:: a:b :::"), "\\x3a:error\\x3a: a:b \\x3a\\x3a:");
  EXPECT_EQ(line("\xff"), "\\xff");
}

TEST(Line, EscapesWhatHidesOrReorders) {
  for (const std::uint32_t point :
       {0x80U,   0x9bU,    0x9fU,    0xadU,    0x61cU,   0x200bU,  0x200cU, 0x200dU,
        0x200eU, 0x200fU,  0x2028U,  0x2029U,  0x202aU,  0x202bU,  0x202cU, 0x202dU,
        0x202eU, 0x2060U,  0x2066U,  0x2067U,  0x2068U,  0x2069U,  0xfe0fU, 0xfeffU,
        0xffffU, 0xe0001U, 0xe0041U, 0xe007fU, 0xe0100U, 0x10fffeU}) {
    std::ostringstream expected;
    expected << "a\\u{" << std::hex << point << "}b";
    EXPECT_EQ(line("a" + utf8(point) + "b"), expected.str());
  }
}

TEST(Line, ShowsEveryCodePointHarmlessly) {
  for (std::uint32_t point = 0; point <= 0x10ffff; ++point) {
    const auto shown = line("x" + utf8(point));
    ASSERT_NO_FATAL_FAILURE(expect_harmless(shown)) << point;
    ASSERT_EQ(shown.find_first_of("\n\r\x1b"), std::string::npos);
  }
}

TEST(Line, ShowsLoneSurrogatesAsSuch) {
  EXPECT_EQ(line("file\xed\xb2\x80"), "file\\u{dc80}");
  EXPECT_EQ(line("\xed\xa0\xbd\xed\xb8\x80"), "\\u{d83d}\\u{de00}");
}

TEST(Line, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(line("\xc3"), "\\xc3");           // cut off
  EXPECT_EQ(line("\xc3(a"), "\\xc3(a");       // not continued
  EXPECT_EQ(line("\xc0\xaf"), "\\xc0\\xaf");  // overlong
  EXPECT_EQ(line("\xe0\x80\x8a"), "\\xe0\\x80\\x8a");
  EXPECT_EQ(line("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // above U+10FFFF
  EXPECT_EQ(line("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80");
}

TEST(Line, EscapesAllButAsciiWhenAsked) {
  EXPECT_EQ(line("grün 😀", 96, true), "gr\\u{fc}n \\u{1f600}");
  EXPECT_EQ(line("abcdefghij", 7, true), "ab...ij");
}

TEST(Line, KeepsMarksOverTheirCharacter) {
  EXPECT_EQ(line("e\u0301"), "e\u0301");
  EXPECT_EQ(line("\u0301e"), "\\u{301}e");  // would stand over what the report wrote before
  EXPECT_EQ(line("abcde\u0301fghij", 5), "ab…ij");
  EXPECT_EQ(line("e\u0301abcdefghi\u0301", 3), "e\u0301…i\u0301");
}

TEST(Line, BoundsMarksWithoutEnd) {
  std::string text = "e";
  for (int i = 0; i < 100'000; ++i) text += "\u0301";
  const auto shown = line(text);
  EXPECT_LE(display_width(shown), 96U);
  EXPECT_LT(shown.size(), 200U);
}

TEST(Line, ShortensInTheMiddle) {
  EXPECT_EQ(line("abcdefghij", 10), "abcdefghij");
  EXPECT_EQ(line("abcdefghijk", 10), "abcde…hijk");
  EXPECT_EQ(line("abcdefghijk", 1), "…");
  EXPECT_EQ(line("abcdefghijk", 0), "");
  EXPECT_EQ(line("abcdefghijk", 2, true), "..");
  EXPECT_EQ(line("/srv/app/" + std::string(1'000'000, '\t') + "/views.py", 24),
            "/srv/app/\\t…\\t/views.py");
}

TEST(Line, NeverCutsACharacterOrAnEscape) {
  EXPECT_EQ(line("値値値値値値", 6), "値…値");  // no half of a wide character
  EXPECT_EQ(line("\x1b\x1b\x1b\x1b", 10), "\\x1b…\\x1b");
  EXPECT_EQ(line("a\x1b"
                 "b",
                 3),
            "a…b");
  EXPECT_EQ(line("ab\u202e"
                 "cd",
                 6),
            "ab…cd");
}

// What lies between the two ends is skipped unread, wherever in a character or an escape that ends.
TEST(Line, IsTheSameHoweverLongTheMiddle) {
  const std::string base = utf8('a') + utf8(0x301);
  for (const auto& unit : {utf8('x'), utf8('\t'), utf8(0xe9), utf8(0x4e2d), utf8(0x1f600), base,
                           std::string("\xff"), std::string("::")}) {
    std::string middle;
    while (middle.size() < 50'000) middle += unit;
    for (std::size_t more = 0; more < 8; ++more) {
      const auto tail = std::string(more, 'y') + utf8(0x4e2d) + "end";
      EXPECT_EQ(line("front" + middle + middle + tail), line("front" + middle + tail)) << more;
      EXPECT_TRUE(line("front" + middle + tail).ends_with(tail)) << more;
    }
  }
}

TEST(Line, OfRandomBytesIsHarmlessAndFits) {
  std::mt19937 random(7);
  for (int round = 0; round < 5'000; ++round) {
    std::string bytes(random() % 60, '\0');
    for (auto& byte : bytes) byte = static_cast<char>(random());
    const std::size_t columns = random() % 40;
    const bool ascii = random() % 2 == 0;
    const auto shown = line(bytes, columns, ascii);
    ASSERT_NO_FATAL_FAILURE(expect_harmless(shown));
    ASSERT_LE(display_width(shown), columns);
    if (ascii) {
      for (const char byte : shown) ASSERT_TRUE(byte >= 0x20 && byte < 0x7f);
    }
  }
}

TEST(DisplayWidth, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("größe"), 5U);
  EXPECT_EQ(display_width("値段"), 4U);
  EXPECT_EQ(display_width("ｗｉｄｅ"), 8U);
  EXPECT_EQ(display_width("한글"), 4U);
  EXPECT_EQ(display_width("\u1112\u1161\u11ab"), 2U);  // one syllable from three letters
  EXPECT_EQ(display_width("😀"), 2U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
  EXPECT_EQ(display_width("╭─▶…→"), 5U);
  EXPECT_EQ(display_width("\U00020000"), 2U);
}

}  // namespace
}  // namespace hangspy
