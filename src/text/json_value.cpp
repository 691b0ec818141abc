// The door to a JSON string. JSON holds Unicode only and a target's bytes may be anything, so what
// is not UTF-8 is spelt \xNN; a backslash is doubled, so that a text which itself says \xNN comes
// back as it was.
#include "hangspy/text.hpp"
#include "text/code_points.hpp"

namespace hangspy {
namespace {

int hex_digit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

// The byte that the escape at the front of `value` stands for; takes the escape off.
Result<char> take_escape(std::string_view& value) {
  if (value.starts_with("\\\\")) {
    value.remove_prefix(2);
    return '\\';
  }
  if (value.size() >= 4 && value[1] == 'x') {
    const int high = hex_digit(value[2]);
    const int low = hex_digit(value[3]);
    if (high >= 0 && low >= 0) {
      value.remove_prefix(4);
      return static_cast<char>(high << 4 | low);
    }
  }
  return fail(Failure::kFile, "a JSON text has a backslash that begins neither \\\\ nor \\xNN");
}

}  // namespace

std::string to_json_value(const Text& raw) {
  std::string value;
  value.reserve(raw.bytes().size());
  for (auto rest = raw.bytes(); !rest.empty();) {
    const auto point = text::first_code_point(rest);
    rest.remove_prefix(point.bytes.size());
    if (point.unit == text::Unit::kCharacter) {
      value += point.bytes;
      if (point.value == '\\') value += '\\';
    } else {
      for (const char byte : point.bytes) {
        value += text::hex_escape(static_cast<std::uint8_t>(byte));
      }
    }
  }
  return value;
}

Result<Text> from_json_value(std::string_view value) {
  std::string bytes;
  bytes.reserve(value.size());
  while (!value.empty()) {
    if (value.front() == '\\') {
      HANGSPY_TRY(byte, take_escape(value));
      bytes.push_back(byte);
    } else {
      bytes.push_back(value.front());
      value.remove_prefix(1);
    }
  }
  return Text::of_target(std::move(bytes));
}

}  // namespace hangspy
