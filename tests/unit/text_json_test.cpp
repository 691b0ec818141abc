// The JSON door loses nothing: the same bytes come back, through a JSON library too.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "hangspy/text.hpp"

namespace hangspy {
namespace {

std::string value_of(std::string bytes) {
  return to_json_value(Text::of_target(std::move(bytes)));
}

// What a snapshot's file does to it: nlohmann throws at what is not UTF-8.
std::string through_json(const std::string& bytes) {
  const auto written = nlohmann::json(value_of(bytes)).dump();
  const auto read = from_json_value(nlohmann::json::parse(written).get<std::string>());
  return read ? std::string(read->bytes()) : "error: " + read.error().what;
}

TEST(JsonValue, IsTheTextWhereThatIsUtf8) {
  EXPECT_EQ(value_of(""), "");
  EXPECT_EQ(value_of("größe 値段 😀"), "größe 値段 😀");
  EXPECT_EQ(value_of("\x1b\n"), "\x1b\n");  // JSON escapes these by itself
}

TEST(JsonValue, EscapesBytesAndBackslashes) {
  EXPECT_EQ(value_of("\xff"), "\\xff");
  EXPECT_EQ(value_of("a\\b"), "a\\\\b");
  EXPECT_EQ(value_of("\xed\xb2\x80"), "\\xed\\xb2\\x80");  // a lone surrogate
}

TEST(JsonValue, GivesEachOfThe256BytesBack) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string bytes(1, static_cast<char>(byte));
    EXPECT_EQ(through_json(bytes), bytes) << byte;
  }
}

TEST(JsonValue, GivesRandomBytesBack) {
  std::mt19937 random(11);
  // Often bytes that matter to the encoding, and texts that look like escapes.
  constexpr std::string_view kTricky = "\\x0fea\xed\xa0\x80\xc3\xbc\xf0\x9f\x98\x80\xff";
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random() % 40, '\0');
    for (auto& byte : bytes) {
      byte = random() % 2 == 0 ? kTricky[random() % kTricky.size()] : static_cast<char>(random());
    }
    ASSERT_EQ(through_json(bytes), bytes);
  }
}

TEST(JsonValue, RefusesWhatNoTextGives) {
  for (const auto* value : {"\\", "a\\", "\\n", "\\x", "\\xf", "\\xfg", "\\xFF", "\\u00e9"}) {
    const auto text = from_json_value(value);
    ASSERT_FALSE(text) << value;
    EXPECT_EQ(text.error().failure, Failure::kFile);
  }
}

}  // namespace
}  // namespace hangspy
