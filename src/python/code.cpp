#include "python/code.hpp"

#include <algorithm>
#include <limits>

namespace hangspy::python {
namespace {

constexpr std::uint32_t kMaxSlots = 1U << 14;  // locals and stack of one frame

// A reader of the two tables' variable-length numbers; past the end it yields nothing.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool at_end() const { return at_ >= bytes_.size(); }
  std::uint8_t byte() { return at_end() ? 0 : static_cast<std::uint8_t>(bytes_[at_++]); }
  void skip(std::size_t count) { at_ += count; }

  // Location table: least significant six bits first, 0x40 says that more follow.
  std::uint32_t little() {
    std::uint32_t sum = 0;
    for (unsigned shift = 0; shift < 32 && !at_end(); shift += 6) {
      const auto part = byte();
      sum |= static_cast<std::uint32_t>(part & 63) << shift;
      if ((part & 64) == 0) break;
    }
    return sum;
  }
  std::int32_t little_signed() {
    const auto raw = little();
    const auto magnitude = static_cast<std::int32_t>(raw >> 1);
    return (raw & 1) != 0 ? -magnitude : magnitude;
  }
  // Exception table: most significant six bits first; bit 7 only marks an entry's start.
  std::uint32_t big() {
    std::uint32_t sum = 0;
    for (int part_index = 0; part_index < 6 && !at_end(); ++part_index) {
      const auto part = byte();
      sum = sum << 6 | (part & 63U);
      if ((part & 64) == 0) break;
    }
    return sum;
  }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

struct HandlerEntry {
  std::uint32_t begin, end, handler;  // byte offsets
  std::uint32_t depth;
  bool pushes_instruction;  // "lasti": only `with` bodies and clean-ups have it
};

std::optional<HandlerEntry> entry_around(const Code& code, std::uint32_t offset) {
  Cursor cursor(code.exception_table);
  while (!cursor.at_end()) {
    const auto begin = cursor.big() * 2;
    const auto length = cursor.big() * 2;
    const auto handler = cursor.big() * 2;
    const auto depth_and_lasti = cursor.big();
    if (offset >= begin && offset - begin < length) {
      return HandlerEntry{begin, begin + length, handler, depth_and_lasti >> 1,
                          (depth_and_lasti & 1) != 0};
    }
  }
  return std::nullopt;
}

}  // namespace

std::int32_t line_of(const Code& code, std::uint32_t offset) {
  Cursor cursor(code.line_table);
  std::int64_t line = code.first_line;
  std::uint32_t at = 0;
  while (!cursor.at_end()) {
    const auto head = cursor.byte();
    const auto form = head >> 3 & 15;
    bool has_line = true;
    if (form == 15) {
      has_line = false;
    } else if (form == 14) {
      line += cursor.little_signed();
      cursor.little();
      cursor.little();
      cursor.little();
    } else if (form == 13) {
      line += cursor.little_signed();
    } else if (form >= 10) {
      line += form - 10;
      cursor.skip(2);
    } else {
      cursor.skip(1);
    }
    at += ((head & 7U) + 1) * 2;
    if (offset >= at) continue;
    const bool fits = line > 0 && line < std::numeric_limits<std::int32_t>::max();
    return has_line && fits ? static_cast<std::int32_t>(line) : 0;
  }
  return 0;
}

std::vector<std::uint32_t> handler_depths(const Code& code, std::uint32_t offset) {
  std::vector<std::uint32_t> depths;
  std::uint32_t limit = kMaxSlots;
  for (int step = 0; step < 64; ++step) {
    const auto entry = entry_around(code, offset);
    if (!entry) break;
    // A `try` in the body has the depth of the `with` around it, and comes first.
    if (entry->depth <= limit) {
      limit = entry->depth;
      const bool is_new = depths.empty() || depths.back() != entry->depth;
      if (entry->pushes_instruction && entry->depth > 0 && is_new) depths.push_back(entry->depth);
    }
    offset = entry->handler;
  }
  return depths;
}

Result<const Code*> Codes::at(Address address) const {
  if (const auto seen = known_.find(address.value); seen != known_.end()) return &seen->second;
  if (!is_code(address)) return fail(Failure::kImplausible, "no code lies at " + to_hex(address));
  const auto& field = objects_.layout().code;
  const auto pointer_at = [&](layouts::Offset offset) {
    return objects_.pointer(address + offset);
  };
  Code code;
  code.address = address;
  HANGSPY_TRY(function_at, pointer_at(field.qualified_name));
  HANGSPY_TRY(function, objects_.text(function_at));
  HANGSPY_TRY(file_at, pointer_at(field.file_name));
  HANGSPY_TRY(file, objects_.text(file_at));
  HANGSPY_TRY(first_line, objects_.value<std::int32_t>(address + field.first_line));
  HANGSPY_TRY(stack_size, objects_.value<std::uint32_t>(address + field.stack_size));
  HANGSPY_TRY(lines_at, pointer_at(field.line_table));
  HANGSPY_TRY(lines, objects_.bytes(lines_at));
  HANGSPY_TRY(handlers_at, pointer_at(field.exception_table));
  HANGSPY_TRY(handlers, objects_.bytes(handlers_at));
  HANGSPY_TRY(names_at, pointer_at(field.local_names));
  HANGSPY_TRY(names, objects_.tuple(names_at));
  if (names.size() > kMaxSlots || stack_size > kMaxSlots) {
    return fail(Failure::kLimit, "a code object out of bounds at " + to_hex(address));
  }
  for (const auto each : names) {
    HANGSPY_TRY(name, objects_.text(each));
    code.locals.emplace_back(name.bytes());
  }
  code.function = std::move(function);
  code.file = std::move(file);
  code.first_line = first_line;
  code.stack_size = stack_size;
  code.line_table = std::move(lines);
  code.exception_table = std::move(handlers);
  return &known_.emplace(address.value, std::move(code)).first->second;
}

Result<Items> Codes::nested(Address code) const {
  HANGSPY_TRY(constants_at, objects_.pointer(code + objects_.layout().code.constants));
  HANGSPY_TRY(constants, objects_.tuple(constants_at));
  std::erase_if(constants, [this](Address each) { return !is_code(each); });
  return constants;
}

Result<std::vector<std::string>> Codes::names(Address code) const {
  HANGSPY_TRY(names_at, objects_.pointer(code + objects_.layout().code.names));
  HANGSPY_TRY(strings, objects_.tuple(names_at));
  if (strings.size() > kMaxSlots) {
    return fail(Failure::kLimit, "more than 16,384 names in the code at " + to_hex(code));
  }
  std::vector<std::string> names;
  for (const auto each : strings) {
    HANGSPY_TRY(name, objects_.text(each));
    names.emplace_back(name.bytes());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace hangspy::python
