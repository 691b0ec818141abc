// Lines of bounded width: wrapping, hanging indents, evidence at the right edge.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hangspy::report {

inline constexpr std::size_t kColumns = 96;

// What stands at the left of a paragraph's first line and of its others.
struct Margin {
  std::string first;
  std::string rest;
};

// `words` wrapped at blanks between the margin and `columns`; a word that is too long is kept
// whole up to the edge and cut there.
[[nodiscard]] std::vector<std::string> wrapped(std::string_view words, const Margin& margin,
                                               std::size_t columns = kColumns);

// Puts `note`, which fits beside `margin`, at the right edge of the last line, or of a new one when
// there is no room.
void put_right(std::vector<std::string>& lines, std::string_view note, std::string_view margin);

// "1 request", "3 tasks"
[[nodiscard]] std::string counted(std::size_t count, std::string_view what);

}  // namespace hangspy::report
