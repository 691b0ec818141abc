// The lists of characters are this file's own, and not those of the doors that it looks after.
#include "reports.hpp"

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

namespace hangspy::fuzz {
namespace {

constexpr std::size_t kColumns = 96;
constexpr std::size_t kLines = 40;

// The code point at `at` and its length; 0 long when the UTF-8 is not valid.
struct CodePoint {
  char32_t value = 0;
  std::size_t length = 0;
};
CodePoint code_point(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length == 0 || at + length > text.size()) return {};
  char32_t value = length == 1 ? lead : lead & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xc0U) != 0x80) return {};
    value = value << 6U | (next & 0x3fU);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value < 0xe000;
  return value < kLeast[length] || value > 0x10ffff || surrogate ? CodePoint{}
                                                                 : CodePoint{value, length};
}

bool is_mark(char32_t value) {
  return value < 0x20 || (value >= 0x7f && value < 0xa0) || value == 0xad || value == 0x61c ||
         value == 0x180e || (value >= 0x200b && value <= 0x200f) ||
         (value >= 0x2028 && value <= 0x202e) || (value >= 0x2060 && value <= 0x206f) ||
         value == 0xfeff || (value >= 0xfff9 && value <= 0xfffb) ||
         (value >= 0xe0000 && value <= 0xe0fff);
}

void require_one_screen(std::string_view text) {
  std::size_t lines = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    require(end != std::string_view::npos, "the last line has no end");
    require(display_width(text.substr(0, end)) <= kColumns, "a line is too wide");
    text.remove_prefix(end + 1);
    ++lines;
  }
  require(lines <= kLines, "more than one screen");
}

void require_json(std::string_view json) {
  require(nlohmann::json::accept(json), "JSON is not valid");
  for (const char each : json)
    require(static_cast<unsigned char>(each) < 0x7f, "JSON has raw bytes");
}

}  // namespace

void require(bool holds, std::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "WRONG: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

void require_harmless(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto [value, length] = code_point(text, at);
    require(length != 0, "invalid UTF-8");
    require(value == '\n' || !is_mark(value), "a control byte or a hidden mark");
    at += length;
  }
}

void require_reports(const snapshot::Snapshot& snapshot, const diagnosis::Diagnosis& diagnosis,
                     bool at_length) {
  snapshot::Account account;
  account.samples.emplace_back();
  const auto text = report::text(snapshot, diagnosis, account, {});
  require_harmless(text);
  require_one_screen(text);
  require_json(report::json(snapshot, diagnosis, account, {}));
  if (!at_length) return;
  require_harmless(report::text(snapshot, diagnosis, account, {.all = true}));
  const auto ascii = report::text(snapshot, diagnosis, account, {.ascii = true});
  require_one_screen(ascii);
  for (const char each : ascii) {
    require(each == '\n' || (each >= 0x20 && each < 0x7f), "--ascii writes more than ASCII");
  }
  require(!report::text(snapshot, diagnosis, account, {.colour = true}).empty(), "no report");
  require_json(report::json(snapshot, diagnosis, account, {.all = true}));
  const auto again = snapshot::parse(snapshot::to_json(snapshot));
  require(again && *again == snapshot, "the snapshot changes on its way through JSON");
}

}  // namespace hangspy::fuzz
