// The door to a terminal. What could act on it, hide or reorder what stands around it is spelt out;
// the rest is the text itself, so that names in any script stay readable.
//
// A text is cut into pieces that may not be cut again: an escape, or a character with the marks
// drawn over it. What is kept is the beginning, the end, and no more memory than a line takes; what
// lies between them is skipped, so that a megabyte costs no more than a line.
#include <array>
#include <charconv>
#include <deque>

#include "hangspy/text.hpp"
#include "text/code_points.hpp"

namespace hangspy {
namespace {

using text::CodePoint;
using text::Unit;

// Marks take no columns, so without a bound a line of few columns could have any number of bytes,
// and pile up over the lines above. No script needs more over one character.
constexpr std::size_t kMaxMarks = 8;
constexpr std::size_t kMaxCharacter = 4;  // bytes, in UTF-8
constexpr std::size_t kMaxPiece = (1 + kMaxMarks) * kMaxCharacter;

struct Piece {
  std::string shown;
  std::size_t width = 0;
};

Piece escape(const CodePoint& point) {
  std::string shown;
  if (point.unit == Unit::kInvalidByte || point.value < 0x80) {
    switch (point.value) {
      case '\n':
        shown = "\\n";
        break;
      case '\r':
        shown = "\\r";
        break;
      case '\t':
        shown = "\\t";
        break;
      default:
        shown = text::hex_escape(static_cast<std::uint8_t>(point.value));
    }
  } else {
    std::array<char, 8> digits{};
    const auto end =
        std::to_chars(digits.data(), digits.data() + digits.size(), point.value, 16).ptr;
    shown = "\\u{" + std::string(digits.data(), end) + "}";
  }
  const auto width = shown.size();
  return {std::move(shown), width};
}

bool is_escaped(const CodePoint& point, bool ascii) {
  if (point.unit != Unit::kCharacter || text::is_unprintable(point.value)) return true;
  return ascii && point.value >= 0x80;
}

// A line that begins with "::" is a command to the runners of some CI systems, and any word may
// come to stand at the front of one.
bool begins_command(const CodePoint& point, std::string_view rest) {
  return point.value == ':' && rest.starts_with(':');
}

// Takes the next piece off the front of `bytes`. It has at least one column: a mark with nothing to
// stand over, and one too many, is escaped.
Piece take_piece(std::string_view& bytes, bool ascii) {
  const auto first = text::first_code_point(bytes);
  bytes.remove_prefix(first.bytes.size());
  if (is_escaped(first, ascii) || text::is_mark(first.value) || begins_command(first, bytes)) {
    return escape(first);
  }
  Piece piece{std::string(first.bytes), text::width_of(first.value)};
  for (std::size_t marks = 0; marks < kMaxMarks && !bytes.empty(); ++marks) {
    const auto next = text::first_code_point(bytes);
    if (is_escaped(next, ascii) || !text::is_mark(next.value)) break;
    piece.shown += next.bytes;
    bytes.remove_prefix(next.bytes.size());
  }
  return piece;
}

// A line of at most `columns`: all pieces, or the first and the last ones around an ellipsis.
class Line {
 public:
  Line(std::size_t columns, std::string_view ellipsis)
      : columns_(columns), ellipsis_(ellipsis), ellipsis_width_(display_width(ellipsis)) {
    rest_ = columns > ellipsis_width_ ? columns - ellipsis_width_ : 0;
    head_room_ = rest_ - rest_ / 2;
    tail_room_ = rest_ / 2;
  }

  void add(Piece piece) {
    width_ += piece.width;
    if (fits()) whole_ += piece.shown;
    if (piece.width <= head_room_) {
      head_room_ -= piece.width;
      head_ += piece.shown;
    } else {
      head_room_ = 0;  // no later, narrower piece may take the place of this one
    }
    tail_width_ += piece.width;
    tail_.push_back(std::move(piece));
    while (tail_width_ > tail_room_) {
      tail_width_ -= tail_.front().width;
      tail_.pop_front();
    }
  }

  [[nodiscard]] bool fits() const { return width_ <= columns_; }
  // Of a line that does not fit: the most bytes that its last pieces can be made of, and one more.
  [[nodiscard]] std::size_t reach() const { return (rest_ / 2 + 1) * kMaxPiece; }

  [[nodiscard]] std::string text() && {
    if (fits()) return std::move(whole_);
    auto shortened = std::move(head_);
    shortened += columns_ >= ellipsis_width_ ? ellipsis_ : ellipsis_.substr(0, columns_);
    for (const auto& piece : tail_) shortened += piece.shown;
    return shortened;
  }

 private:
  std::size_t columns_;
  std::string_view ellipsis_;
  std::size_t ellipsis_width_;
  std::size_t rest_ = 0;  // columns beside the ellipsis
  std::size_t head_room_ = 0;
  std::size_t tail_room_ = 0;
  std::size_t width_ = 0;
  std::size_t tail_width_ = 0;
  std::string whole_;
  std::string head_;
  std::deque<Piece> tail_;
};

// Down to so many bytes, and not into the middle of a character.
void skip_to_last(std::string_view& bytes, std::size_t length) {
  if (bytes.size() <= length) return;
  bytes.remove_prefix(bytes.size() - length);
  for (std::size_t i = 1; i < kMaxCharacter && !bytes.empty(); ++i) {
    if ((static_cast<std::uint8_t>(bytes.front()) & 0xc0U) != 0x80) break;
    bytes.remove_prefix(1);
  }
}

}  // namespace

std::string to_line(const Text& text, const LineStyle& style) {
  Line line(style.max_columns, style.ascii ? "..." : "…");
  for (auto rest = text.bytes(); !rest.empty();) {
    line.add(take_piece(rest, style.ascii));
    if (!line.fits()) skip_to_last(rest, line.reach());
  }
  return std::move(line).text();
}

std::string to_line(std::string words, bool ascii) {
  if (!ascii) return words;
  constexpr std::size_t kWidest = 10;  // columns of an escape, \u{10ffff}
  const auto columns = kWidest * words.size();
  return to_line(Text::of_target(std::move(words)), {columns, true});
}

std::size_t display_width(std::string_view utf8) {
  std::size_t columns = 0;
  while (!utf8.empty()) {
    const auto point = text::first_code_point(utf8);
    columns += point.unit == Unit::kCharacter ? text::width_of(point.value) : 1;
    utf8.remove_prefix(point.bytes.size());
  }
  return columns;
}

}  // namespace hangspy
