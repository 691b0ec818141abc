#include "python/objects.hpp"

#include <algorithm>
#include <cmath>

namespace hangspy::python {
namespace {

constexpr std::uint64_t kHeapTypeFlag = 1ULL << 9;  // Include/object.h, Py_TPFLAGS_HEAPTYPE
constexpr std::size_t kMaxClasses = 256;            // of one mro
constexpr std::uint64_t kMaxName = 512;
constexpr std::array<std::string_view, 3> kGenerators{"coroutine", "generator", "async_generator"};

}  // namespace

tl::unexpected<Error> Objects::no_pointer(Address at) {
  return fail(Failure::kImplausible, "no pointer lies at " + to_hex(at));
}

void Objects::expect_behind(std::span<const Address> objects, std::uint64_t field) const {
  if (objects.size() < kMany || !memory_.takes_hints()) return;
  Items behind;
  behind.reserve(objects.size());
  for (const auto each : objects) {
    const auto at = pointer(each + field);
    if (at && *at) behind.push_back(*at);
  }
  expect(behind);
}

Result<std::vector<std::uint64_t>> Objects::words(Address at, std::uint64_t count) const {
  if (count > kMaxItems) {
    return fail(Failure::kLimit, "more than a million items at " + to_hex(at));
  }
  std::vector<std::uint64_t> all(count);
  HANGSPY_CHECK(memory_.read(at, std::as_writable_bytes(std::span(all))));
  return all;
}

Result<std::string> Objects::c_string(Address at) const {
  std::string text;
  while (text.size() < kMaxName) {
    const auto step = std::min<std::uint64_t>(64, 4096 - at.value % 4096);
    std::string part(step, '\0');
    HANGSPY_CHECK(memory_.read(at, std::as_writable_bytes(std::span(part))));
    const auto end = part.find('\0');
    text.append(part, 0, end);
    if (end != std::string::npos) return text;
    at = at + step;
  }
  return fail(Failure::kLimit, "a name without an end at " + to_hex(at));
}

Result<Address> Objects::type_of(Address object) const {
  HANGSPY_TRY(type, pointer(object + layout().object.type));
  HANGSPY_TRY(known, facts(type));
  static_cast<void>(known);
  return type;
}

Result<const Objects::TypeFacts*> Objects::facts_of(Address object) const {
  HANGSPY_TRY(type, pointer(object + layout().object.type));
  return facts(type);
}

Result<const Objects::TypeFacts*> Objects::facts(Address type) const {
  auto& recent = recent_types_[type.value >> 4 & (recent_types_.size() - 1)];
  if (recent.first == type && recent.second != nullptr) return recent.second;
  HANGSPY_TRY(known, lasting().read_facts(type));
  recent = {type, known};
  return known;
}

// A type is believed when the chain of its types ends in one that is its own type, as
// PyType_Type is, within a few steps (a metaclass of a metaclass is rare).
Result<const Objects::TypeFacts*> Objects::read_facts(Address type) const {
  if (const auto seen = types_.find(type.value); seen != types_.end()) return &seen->second;
  Address above = type;
  for (int step = 0;; ++step) {
    HANGSPY_TRY(next, pointer(above + layout().object.type));
    if (next == above && next) break;
    if (!next || step == 4) {
      return fail(Failure::kImplausible, "no type object lies at " + to_hex(type));
    }
    above = next;
  }
  TypeFacts known;
  HANGSPY_TRY(name_at, value<std::uint64_t>(type + layout().type.name));
  HANGSPY_TRY(name, c_string({name_at}));
  HANGSPY_TRY(flags, value<std::uint64_t>(type + layout().type.flags));
  known.name = Text::of_target(std::move(name));
  known.flags = flags;
  known.is_generator =
      std::find(kGenerators.begin(), kGenerators.end(), known.name.bytes()) != kGenerators.end() &&
      (flags & kHeapTypeFlag) == 0;
  HANGSPY_TRY(mro_at, pointer(type + layout().type.mro));
  if (mro_at) {
    HANGSPY_TRY(count, value<std::uint64_t>(mro_at + layout().variable_object.item_count));
    if (count > kMaxClasses) return fail(Failure::kLimit, "an mro too long at " + to_hex(mro_at));
    HANGSPY_TRY(classes, words(mro_at + layout().tuple.items, count));
    for (const auto each : classes) known.mro.push_back({each});
  }
  return &types_.emplace(type.value, std::move(known)).first->second;
}

Result<bool> Objects::is_kind(Address object, Kind kind) const {
  HANGSPY_TRY(known, facts_of(object));
  return (known->flags >> static_cast<unsigned>(kind) & 1) != 0;
}

Result<Text> Objects::type_name(Address type) const {
  HANGSPY_TRY(known, facts(type));
  return known->name;
}

Result<Text> Objects::full_type_name(Address type) const {
  if (lasting_) return lasting_->full_type_name(type);
  HANGSPY_TRY(known, facts(type));
  if ((known->flags & kHeapTypeFlag) == 0) return known->name;
  HANGSPY_TRY(name_at, pointer(type + layout().heap_type.qualified_name));
  HANGSPY_TRY(name, text(name_at));
  const auto module = class_attribute(type, "__module__");
  if (!module || !*module) return name;
  const auto module_name = text(**module);
  if (!module_name) return name;
  return Text::of_target(std::string(module_name->bytes()) + "." + std::string(name.bytes()));
}

Result<std::uint64_t> Objects::basic_size(Address type) const {
  return lasting().value<std::uint64_t>(type + layout().type.basic_size);
}

bool Objects::is_instance(Address object, Address type) const {
  if (!object || !type) return false;
  const auto known = facts_of(object);
  if (!known) return false;
  const auto& mro = (*known)->mro;
  return std::find(mro.begin(), mro.end(), type) != mro.end();
}

bool Objects::is_builtin(Address object, std::string_view name) const {
  if (!object) return false;
  const auto known = facts_of(object);
  return known && ((*known)->flags & kHeapTypeFlag) == 0 && (*known)->name.bytes() == name;
}

bool Objects::is_none(Address object) const {
  if (object && object == none_) return true;
  const bool is_it = is_builtin(object, "NoneType");
  if (is_it) none_ = object;
  return is_it;
}

bool Objects::is_generator(Address object) const {
  if (!object) return false;
  const auto known = facts_of(object);
  return known && (*known)->is_generator;
}

Result<std::uint64_t> Objects::reference_count(Address object) const {
  HANGSPY_TRY(raw, value<std::uint64_t>(object + layout().object.reference_count));
  // Bit 31 of the count marks an immortal object from 3.12 on; no mortal one has so many.
  if (raw == 0 || raw >= 0x80000000U) {
    return fail(Failure::kImplausible, "no reference count at " + to_hex(object));
  }
  return raw;
}

Result<std::int64_t> Objects::integer(Address object) const {
  HANGSPY_TRY(is_long, is_kind(object, Kind::kLong));
  if (!is_long) return fail(Failure::kImplausible, "no int lies at " + to_hex(object));
  const auto& field = layout().integer;
  std::uint64_t digits = 0;
  bool negative = false;
  if (field.tag != layouts::kAbsent) {
    // lv_tag: digits from bit 3 on; the low two bits say 0 positive, 1 zero, 2 negative.
    HANGSPY_TRY(tag, value<std::uint64_t>(object + field.tag));
    digits = (tag & 3) == 1 ? 0 : tag >> 3;
    negative = (tag & 3) == 2;
  } else {
    HANGSPY_TRY(size, value<std::int64_t>(object + layout().variable_object.item_count));
    digits = static_cast<std::uint64_t>(size < 0 ? -size : size);
    negative = size < 0;
  }
  if (digits > 2) return fail(Failure::kLimit, "an int over 60 bits at " + to_hex(object));
  std::int64_t sum = 0;
  for (std::uint64_t i = 0; i < digits; ++i) {
    HANGSPY_TRY(digit, value<std::uint32_t>(object + field.digits + 4 * i));
    sum |= static_cast<std::int64_t>(digit & 0x3fffffffU) << (30 * i);
  }
  return negative ? -sum : sum;
}

Result<double> Objects::real(Address object) const {
  if (is_builtin(object, "float")) return value<double>(object + layout().floating.value);
  HANGSPY_TRY(whole, integer(object));
  return static_cast<double>(whole);
}

bool Objects::is_true(Address object) const {
  const auto number = integer(object);
  return number && *number != 0;
}

}  // namespace hangspy::python
