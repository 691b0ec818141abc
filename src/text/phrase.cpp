#include "hangspy/phrase.hpp"

namespace hangspy {

Phrase::Phrase(std::string ours) {
  if (!ours.empty()) pieces_.emplace_back(std::move(ours));
}

Phrase::Phrase(Text of_target) {
  if (!of_target.empty()) pieces_.emplace_back(std::move(of_target));
}

Phrase& Phrase::operator+=(const Phrase& more) {
  for (const Piece& piece : more.pieces_) {
    const auto* ours = std::get_if<std::string>(&piece);
    auto* last = pieces_.empty() ? nullptr : std::get_if<std::string>(&pieces_.back());
    if (ours != nullptr && last != nullptr) {
      *last += *ours;
    } else {
      pieces_.push_back(piece);
    }
  }
  return *this;
}

std::string to_line(const Phrase& phrase, const LineStyle& style) {
  std::string line;
  for (const Phrase::Piece& piece : phrase.pieces()) {
    if (const auto* text = std::get_if<Text>(&piece)) {
      line += to_line(*text, style);
    } else {
      line += to_line(std::get<std::string>(piece), style.ascii);
    }
  }
  return line;
}

std::string to_json_value(const Phrase& phrase) {
  std::string value;
  for (const Phrase::Piece& piece : phrase.pieces()) {
    if (const auto* text = std::get_if<Text>(&piece)) {
      value += to_json_value(*text);
    } else {
      value += std::get<std::string>(piece);
    }
  }
  return value;
}

}  // namespace hangspy
