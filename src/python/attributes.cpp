// Attributes of instances: inline values, a dict, or slots. Where they lie moved in 3.11, 3.12 and
// 3.13 (Include/internal/pycore_object.h, _PyObject_GetManagedDict and its forerunners); which of
// the forms a build has is a trait of its layout.
#include "python/objects.hpp"

namespace hangspy::python {
namespace {

constexpr std::uint64_t kInlineValuesFlag = 1ULL << 2;  // Py_TPFLAGS_INLINE_VALUES, 3.13
constexpr std::uint64_t kManagedDictFlag = 1ULL << 4;   // Py_TPFLAGS_MANAGED_DICT
// PyMemberDef, Include/descrobject.h: name, type, offset, flags, doc. Stable ABI.
constexpr std::uint64_t kMemberSize = 40;
constexpr std::uint64_t kMemberOffset = 16;
constexpr std::uint64_t kMaxMembers = 256;
constexpr std::int32_t kObjectMember = 16;  // Py_T_OBJECT_EX
constexpr std::uint64_t kHeapTypeFlag = 1ULL << 9;

}  // namespace

// The dict object of an instance, or null while its values still lie in the instance.
Result<Address> Objects::instance_dict(Address object) const {
  HANGSPY_TRY(type, type_of(object));
  HANGSPY_TRY(known, facts(type));
  if ((known->flags & kManagedDictFlag) == 0) return plain_dict(object, type);
  if (traits().attributes == layouts::Attributes::kTaggedWord) {
    HANGSPY_TRY(word, value<std::uint64_t>(object - 24));
    return Address{(word & 1) != 0 ? 0 : word};
  }
  if (traits().attributes == layouts::Attributes::kValuesThenDict) {
    HANGSPY_TRY(values, pointer(object - 32));
    if (values) return Address{};
  }
  return pointer(object - 24);
}

// Where the values lie that are not in a dict yet; null when there are none.
Result<Address> Objects::inline_values(Address object, std::uint64_t flags) const {
  switch (traits().attributes) {
    case layouts::Attributes::kValuesThenDict:
      return pointer(object - 32);
    case layouts::Attributes::kTaggedWord: {
      HANGSPY_TRY(word, value<std::uint64_t>(object - 24));
      return Address{(word & 1) != 0 ? word + 1 : 0};
    }
    case layouts::Attributes::kDictThenInline: {
      if ((flags & kInlineValuesFlag) == 0) return Address{};
      const auto values = object + layout().object.size;
      HANGSPY_TRY(valid, value<std::uint8_t>(values + layout().dict_values.valid));
      return valid != 0 ? values : Address{};
    }
  }
  return fail(Failure::kUnsupported, "attributes of an unknown form");
}

Result<Address> Objects::plain_dict(Address object, Address type) const {
  HANGSPY_TRY(offset, lasting().value<std::int64_t>(type + layout().type.dict_offset));
  if (offset == 0) return Address{};
  if (offset < 0) {  // counted from the end of a variable-sized object
    HANGSPY_TRY(count, value<std::int64_t>(object + layout().variable_object.item_count));
    HANGSPY_TRY(basic, lasting().value<std::int64_t>(type + layout().type.basic_size));
    HANGSPY_TRY(each, lasting().value<std::int64_t>(type + layout().type.item_size));
    const auto magnitude = count < 0 ? -count : count;
    if (magnitude > static_cast<std::int64_t>(kMaxItems) || each > 4096 || basic > 1 << 20) {
      return fail(Failure::kImplausible, "an object out of bounds at " + to_hex(object));
    }
    offset += (basic + each * magnitude + 7) & ~std::int64_t{7};
  }
  if (offset <= 0 || offset > 1 << 24) {
    return fail(Failure::kImplausible, "an object out of bounds at " + to_hex(object));
  }
  return pointer(object + static_cast<std::uint64_t>(offset));
}

// The dict of an instance, or its inline values.
Result<std::optional<Objects::Mapped>> Objects::own_mapped(Address object) const {
  HANGSPY_TRY(dict_at, instance_dict(object));
  if (dict_at)
    return mapped_by(dict_at).map([](const Mapped& dict) { return std::optional(dict); });
  HANGSPY_TRY(type, type_of(object));
  HANGSPY_TRY(known, facts(type));
  if ((known->flags & kManagedDictFlag) == 0) return std::optional<Mapped>{};
  HANGSPY_TRY(values, inline_values(object, known->flags));
  if (!values) return std::optional<Mapped>{};
  HANGSPY_TRY(keys, lasting().pointer(type + layout().heap_type.cached_keys));
  return std::optional(Mapped{keys, values + layout().dict_values.values});
}

Result<std::vector<Entry>> Objects::attributes(Address object) const {
  HANGSPY_TRY(mapped, own_mapped(object));
  return mapped ? entries_of(*mapped) : std::vector<Entry>{};
}

Result<bool> Objects::has_weak_references(Address object) const {
  HANGSPY_TRY(type, type_of(object));
  HANGSPY_TRY(offset, lasting().value<std::int64_t>(type + layout().type.weak_list_offset));
  if (offset == 0) return false;
  if (offset < -64 || offset > 1 << 20) {
    return fail(Failure::kImplausible, "a weak list out of bounds at " + to_hex(object));
  }
  HANGSPY_TRY(first, value<std::uint64_t>(object + static_cast<std::uint64_t>(offset)));
  return first != 0;
}

Result<std::vector<std::pair<std::string, Address>>> Objects::slots(Address object) const {
  HANGSPY_TRY(own, type_of(object));
  HANGSPY_TRY(known, facts(own));
  std::vector<std::pair<std::string, Address>> found;
  for (const auto type : known->mro) {
    HANGSPY_TRY(each, facts(type));
    if ((each->flags & kHeapTypeFlag) == 0) continue;
    HANGSPY_TRY(members, lasting().value<std::uint64_t>(type + layout().type.members));
    for (std::uint64_t i = 0; members != 0 && i < kMaxMembers; ++i) {
      const Address member = Address{members} + i * kMemberSize;
      HANGSPY_TRY(name_at, lasting().value<std::uint64_t>(member));
      if (name_at == 0) break;
      HANGSPY_TRY(kind, lasting().value<std::int32_t>(member + 8));
      HANGSPY_TRY(offset, lasting().value<std::uint64_t>(member + kMemberOffset));
      if (kind != kObjectMember || offset > 1 << 20) continue;
      HANGSPY_TRY(name, lasting().c_string({name_at}));
      HANGSPY_TRY(held, pointer(object + offset));
      if (held) found.emplace_back(std::move(name), held);
    }
  }
  return found;
}

Result<std::optional<Address>> Objects::find(Address object, std::string_view name) const {
  HANGSPY_TRY(mapped, own_mapped(object));
  if (mapped) {
    HANGSPY_TRY(own, value_of(*mapped, name));
    if (own) return own;
  }
  HANGSPY_TRY(slotted, slots(object));
  for (const auto& [key, held] : slotted) {
    if (key == name) return held;
  }
  return std::optional<Address>{};
}

Result<Address> Objects::attribute(Address object, std::string_view name) const {
  HANGSPY_TRY(found, find(object, name));
  if (!found) {
    return fail(Failure::kImplausible,
                "the object at " + to_hex(object) + " has no attribute " + std::string(name));
  }
  return *found;
}

Result<std::optional<Address>> Objects::class_attribute(Address type, std::string_view name) const {
  if (lasting_) return lasting_->class_attribute(type, name);
  HANGSPY_TRY(mro_at, pointer(type + layout().type.mro));
  HANGSPY_TRY(classes, tuple(mro_at));
  for (const auto each : classes) {
    // Static types keep their dict per interpreter from 3.12 on; no class of a library is one.
    HANGSPY_TRY(dict_at, pointer(each + layout().type.dict));
    if (!dict_at) continue;
    HANGSPY_TRY(found, item(dict_at, name));
    if (found) return found;
  }
  return std::optional<Address>{};
}

}  // namespace hangspy::python
