// Python strings and bytes. A str keeps its characters in one, two or four bytes each, directly
// behind its head when it is compact (Include/cpython/unicodeobject.h).
#include <algorithm>
#include <array>

#include "python/objects.hpp"

namespace hangspy::python {
namespace {

// UTF-8 of one code point; a lone surrogate keeps its three bytes, so that nothing is lost.
void append_code_point(std::string& out, std::uint32_t point) {
  const auto byte = [&out](std::uint32_t bits) { out.push_back(static_cast<char>(bits)); };
  if (point < 0x80) {
    byte(point);
  } else if (point < 0x800) {
    byte(0xc0 | point >> 6);
    byte(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    byte(0xe0 | point >> 12);
    byte(0x80 | (point >> 6 & 0x3f));
    byte(0x80 | (point & 0x3f));
  } else {
    byte(0xf0 | (point >> 18 & 0x07));
    byte(0x80 | (point >> 12 & 0x3f));
    byte(0x80 | (point >> 6 & 0x3f));
    byte(0x80 | (point & 0x3f));
  }
}

std::uint32_t code_point(const std::string& raw, std::size_t index, std::uint8_t width) {
  std::uint32_t point = 0;
  for (std::uint8_t i = 0; i < width; ++i) {
    point |= static_cast<std::uint32_t>(static_cast<unsigned char>(raw[index * width + i]))
             << (8 * i);
  }
  return point;
}

}  // namespace

Result<Objects::StringData> Objects::string_data(Address string) const {
  HANGSPY_TRY(is_string, is_kind(string, Kind::kString));
  if (!is_string) return fail(Failure::kImplausible, "no str lies at " + to_hex(string));
  const auto& field = layout().string;
  HANGSPY_TRY(length, value<std::uint64_t>(string + field.length));
  HANGSPY_TRY(state, value<std::uint8_t>(string + field.state));
  const auto width = static_cast<std::uint8_t>(state >> 2 & 7);
  const bool compact = (state >> 5 & 1) != 0;
  const bool ascii = (state >> 6 & 1) != 0;
  if ((width != 1 && width != 2 && width != 4) || length >> 40 != 0) {
    return fail(Failure::kImplausible, "no str lies at " + to_hex(string));
  }
  if (compact) {
    return StringData{string + (ascii ? field.ascii_size : field.compact_size), length, width};
  }
  HANGSPY_TRY(data, value<std::uint64_t>(string + field.data));
  return StringData{{data}, length, width};
}

Result<Text> Objects::text(Address string) const {
  HANGSPY_TRY(found, string_data(string));
  const auto length = std::min(found.length, kMaxText);
  std::string raw(length * found.width, '\0');
  HANGSPY_CHECK(memory_.read(found.data, std::as_writable_bytes(std::span(raw))));
  std::string utf8;
  utf8.reserve(raw.size());
  for (std::size_t i = 0; i < length; ++i) append_code_point(utf8, code_point(raw, i, found.width));
  if (length < found.length) {
    utf8 += "… (cut; " + std::to_string(found.length) + " characters)";
  }
  return Text::of_target(std::move(utf8));
}

bool Objects::equals(Address string, std::string_view ascii) const {
  if (lasting_) return lasting_->equals(string, ascii);
  const auto found = string_data(string);
  if (!found || found->width != 1 || found->length != ascii.size()) return false;
  std::array<char, 128> raw{};
  if (ascii.size() > raw.size()) return false;
  const auto part = std::span(raw).first(ascii.size());
  return memory_.read(found->data, std::as_writable_bytes(part)) &&
         std::string_view(part.data(), part.size()) == ascii;
}

Result<std::string> Objects::bytes(Address object) const {
  HANGSPY_TRY(is_bytes, is_kind(object, Kind::kBytes));
  if (!is_bytes) return fail(Failure::kImplausible, "no bytes object lies at " + to_hex(object));
  HANGSPY_TRY(length, value<std::uint64_t>(object + layout().variable_object.item_count));
  if (length > kMaxItems)
    return fail(Failure::kLimit, "a bytes object too long at " + to_hex(object));
  std::string raw(length, '\0');
  HANGSPY_CHECK(memory_.read(object + layout().bytes.data, std::as_writable_bytes(std::span(raw))));
  return raw;
}

}  // namespace hangspy::python
