// A phrase is words of ours and text of the target in one sentence, kept apart until a door of the
// text folder writes them for one format. So a rule can say "apply_rates waits for load-rates"
// without ever holding a printable string of the target's.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hangspy/text.hpp"

namespace hangspy {

class Phrase {
 public:
  Phrase() = default;
  Phrase(const char* ours) : Phrase(std::string(ours)) {}  // NOLINT(google-explicit-constructor)
  Phrase(std::string ours);                                // NOLINT(google-explicit-constructor)
  Phrase(Text of_target);                                  // NOLINT(google-explicit-constructor)

  Phrase& operator+=(const Phrase& more);
  [[nodiscard]] friend Phrase operator+(Phrase left, const Phrase& right) { return left += right; }

  [[nodiscard]] bool empty() const { return pieces_.empty(); }
  bool operator==(const Phrase&) const = default;

  using Piece = std::variant<std::string, Text>;
  [[nodiscard]] const std::vector<Piece>& pieces() const { return pieces_; }

 private:
  std::vector<Piece> pieces_;
};

// The doors of text.hpp, for a whole phrase. `max_columns` bounds each piece of the target's.
[[nodiscard]] std::string to_line(const Phrase& phrase, const LineStyle& style = {});
[[nodiscard]] std::string to_json_value(const Phrase& phrase);

}  // namespace hangspy
