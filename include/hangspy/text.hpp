// Text of the target: bytes that somebody else wrote (names of threads, tasks, functions, files).
//
// They may hold escape sequences, invalid UTF-8, lone surrogates or a megabyte of tabs, so they
// are a type of their own that nothing prints. The one way out is a door that escapes them for
// one format; printing a Text, or joining it to a std::string, does not compile.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "hangspy/result.hpp"
#include "hangspy/shared.hpp"

namespace hangspy {

class Text {
 public:
  Text() = default;

  // Bytes as they were in the target. A Python str comes as UTF-8 in which a lone surrogate keeps
  // its three bytes (WTF-8), so that nothing is lost.
  [[nodiscard]] static Text of_target(std::string bytes) { return Text(std::move(bytes)); }

  // The same bytes again, for comparing and parsing. Never write them out.
  [[nodiscard]] std::string_view bytes() const {
    const std::string* const held = bytes_.get();
    return held == nullptr ? std::string_view() : std::string_view(*held);
  }
  [[nodiscard]] bool empty() const { return bytes().empty(); }

  std::strong_ordering operator<=>(const Text& other) const { return bytes() <=> other.bytes(); }
  bool operator==(const Text& other) const { return bytes() == other.bytes(); }

 private:
  explicit Text(std::string bytes)
      : bytes_(bytes.empty() ? Shared<std::string>() : Shared(std::move(bytes))) {}
  Shared<std::string> bytes_;
};

template <class Stream>
Stream& operator<<(Stream&, const Text&) = delete;

// The door for a terminal, or a line of text: one line, no control byte, no bidirectional or
// invisible mark, valid UTF-8. What is escaped shows as \n, \x1b or \u{202e}. Over `max_columns`
// display columns the middle gives way to an ellipsis ("..." when `ascii`). With `ascii` every
// non-ASCII character is escaped too.
struct LineStyle {
  std::size_t max_columns = 96;
  bool ascii = false;
};
[[nodiscard]] std::string to_line(const Text& text, const LineStyle& style = {});

// Words of ours for a line, which may hold a name that went through the door before: as they are,
// or, with `ascii`, with every other character escaped.
[[nodiscard]] std::string to_line(std::string words, bool ascii);

// The door for a JSON string value: valid UTF-8; what is not valid, and every backslash, stands
// as an escape (\xNN, \\), so that from_json_value gives the same bytes back.
[[nodiscard]] std::string to_json_value(const Text& text);
[[nodiscard]] Result<Text> from_json_value(std::string_view value);

// The columns that valid UTF-8 takes on a terminal (East Asian wide characters take two).
[[nodiscard]] std::size_t display_width(std::string_view utf8);

}  // namespace hangspy
