#include "report/canvas.hpp"

#include <algorithm>

#include "hangspy/text.hpp"

namespace hangspy::report {
namespace {

// The longest prefix of valid UTF-8 that takes no more than `columns`.
std::string_view fitting(std::string_view word, std::size_t columns) {
  std::size_t end = 0;
  while (end < word.size()) {
    std::size_t next = end + 1;
    while (next < word.size() && (static_cast<unsigned char>(word[next]) & 0xc0U) == 0x80U) ++next;
    if (display_width(word.substr(0, next)) > columns) break;
    end = next;
  }
  return word.substr(0, end);
}

}  // namespace

std::vector<std::string> wrapped(std::string_view words, const Margin& margin,
                                 std::size_t columns) {
  std::vector<std::string> lines{margin.first};
  bool is_empty = true;
  while (!words.empty()) {
    const auto blank = words.find(' ');
    auto word = words.substr(0, blank);
    words = blank == std::string_view::npos ? std::string_view{} : words.substr(blank + 1);
    const auto used = display_width(lines.back());
    const auto needed = display_width(word) + (is_empty ? 0 : 1);
    if (!is_empty && used + needed > columns) {
      lines.push_back(margin.rest);
      is_empty = true;
    }
    if (!is_empty) lines.back() += ' ';
    lines.back() += fitting(word, columns - std::min(columns, display_width(lines.back())));
    is_empty = false;
  }
  for (auto& line : lines) line.erase(line.find_last_not_of(' ') + 1);
  return lines;
}

void put_right(std::vector<std::string>& lines, std::string_view note, std::string_view margin) {
  if (note.empty()) return;
  const auto width = display_width(note);
  if (display_width(lines.back()) + 2 + width > kColumns) lines.emplace_back(margin);
  const auto used = display_width(lines.back());
  lines.back().append(kColumns > used + width ? kColumns - used - width : 1, ' ');
  lines.back() += note;
}

std::string counted(std::size_t count, std::string_view what) {
  return std::to_string(count) + " " + std::string(what) + (count == 1 ? "" : "s");
}

}  // namespace hangspy::report
