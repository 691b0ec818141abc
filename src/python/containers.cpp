// Tuples, lists, sets, deques and dicts, walked whole and bounded.
#include <algorithm>
#include <array>

#include "python/objects.hpp"

namespace hangspy::python {
namespace {

constexpr std::uint64_t kDequeBlockItems = 64;  // BLOCKLEN, Modules/_collectionsmodule.c
constexpr std::uint64_t kDeletedHash = ~0ULL;   // a set's dummy entry has hash -1

Items addresses(const std::vector<std::uint64_t>& words) {
  Items items;
  items.reserve(words.size());
  for (const auto word : words) items.push_back({word});
  return items;
}

}  // namespace

Result<Items> Objects::tuple(Address object) const {
  HANGSPY_TRY(right, is_kind(object, Kind::kTuple));
  if (!right) return fail(Failure::kImplausible, "no tuple lies at " + to_hex(object));
  HANGSPY_TRY(count, value<std::uint64_t>(object + layout().variable_object.item_count));
  HANGSPY_TRY(all, words(object + layout().tuple.items, count));
  return addresses(all);
}

Result<Address> Objects::tuple_front(Address object) const {
  HANGSPY_TRY(right, is_kind(object, Kind::kTuple));
  if (!right) return fail(Failure::kImplausible, "no tuple lies at " + to_hex(object));
  HANGSPY_TRY(count, value<std::uint64_t>(object + layout().variable_object.item_count));
  if (count == 0) return fail(Failure::kImplausible, "an empty tuple at " + to_hex(object));
  return pointer(object + layout().tuple.items);
}

Result<Items> Objects::list(Address object) const {
  HANGSPY_TRY(right, is_kind(object, Kind::kList));
  if (!right) return fail(Failure::kImplausible, "no list lies at " + to_hex(object));
  HANGSPY_TRY(count, value<std::uint64_t>(object + layout().variable_object.item_count));
  HANGSPY_TRY(items, pointer(object + layout().list.items));
  if (count == 0) return Items{};
  HANGSPY_TRY(all, words(items, count));
  return addresses(all);
}

Result<Items> Objects::set(Address object) const {
  if (!is_builtin(object, "set") && !is_builtin(object, "frozenset")) {
    return fail(Failure::kImplausible, "no set lies at " + to_hex(object));
  }
  HANGSPY_TRY(mask, value<std::uint64_t>(object + layout().set.mask));
  HANGSPY_TRY(table, pointer(object + layout().set.table));
  if (mask >= kMaxItems) return fail(Failure::kLimit, "a set too large at " + to_hex(object));
  HANGSPY_TRY(all, words(table, 2 * (mask + 1)));
  Items items;
  for (std::size_t i = 0; i < all.size(); i += 2) {
    if (all[i] != 0 && all[i + 1] != kDeletedHash) items.push_back({all[i]});
  }
  return items;
}

Result<Items> Objects::deque(Address object) const {
  HANGSPY_TRY(type, type_of(object));
  HANGSPY_TRY(name, type_name(type));
  if (name.bytes() != "collections.deque") {
    return fail(Failure::kImplausible, "no deque lies at " + to_hex(object));
  }
  HANGSPY_TRY(count, value<std::uint64_t>(object + layout().variable_object.item_count));
  HANGSPY_TRY(index, value<std::uint64_t>(object + layout().deque.left_index));
  HANGSPY_TRY(block, pointer(object + layout().deque.left_block));
  if (count > kMaxItems || index > kDequeBlockItems) {
    return fail(Failure::kLimit, "a deque out of bounds at " + to_hex(object));
  }
  Items items;
  while (items.size() < count) {
    if (index == kDequeBlockItems) {
      HANGSPY_TRY(next, pointer(block + layout().deque_block.right_link));
      block = next;
      index = 0;
    }
    const auto here = std::min<std::uint64_t>(kDequeBlockItems - index, count - items.size());
    HANGSPY_TRY(part, words(block + layout().deque_block.data + 8 * index, here));
    for (const auto word : part) items.push_back({word});
    index += here;
  }
  return items;
}

// Where the entries of a dict's keys object lie. kind 0: hash, key, value; 1 and 2: str keys only,
// no hash (Include/internal/pycore_dict.h).
Result<Objects::KeyTable> Objects::key_table(Address keys) const {
  const auto& field = layout().dict_keys;
  HANGSPY_TRY(log2_index_bytes, value<std::uint8_t>(keys + field.log2_index_bytes));
  HANGSPY_TRY(kind, value<std::uint8_t>(keys + field.kind));
  HANGSPY_TRY(count, value<std::uint64_t>(keys + field.entry_count));
  if (log2_index_bytes > 40 || kind > 2 || count > kMaxItems / 3) {
    return fail(Failure::kImplausible, "no dict keys lie at " + to_hex(keys));
  }
  const KeyTable table{keys + field.indices + (1ULL << log2_index_bytes), count,
                       kind == 0 ? 3U : 2U};
  // One that is too long for the memory that it lies in is refused before any of it is looked at.
  if (count > 0) {
    HANGSPY_CHECK(value<std::uint64_t>(table.entries + 8 * table.width * (count - 1)));
  }
  return table;
}

// With keys that are unset left in as null pairs, because a split table's values are found by
// position.
Result<std::vector<Entry>> Objects::key_entries(Address keys) const {
  HANGSPY_TRY(table, key_table(keys));
  HANGSPY_TRY(all, words(table.entries, table.count * table.width));
  std::vector<Entry> entries;
  entries.reserve(table.count);
  for (std::size_t i = 0; i < all.size(); i += table.width) {
    entries.emplace_back(Address{all[i + table.width - 2]}, Address{all[i + table.width - 1]});
  }
  return entries;
}

Result<std::vector<Entry>> Objects::split_entries(Address keys, Address values) const {
  HANGSPY_TRY(entries, lasting().key_entries(keys));
  HANGSPY_TRY(all, words(values, entries.size()));
  std::vector<Entry> set_ones;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].first && all[i] != 0) set_ones.emplace_back(entries[i].first, Address{all[i]});
  }
  return set_ones;
}

Result<Objects::Mapped> Objects::mapped_by(Address dict) const {
  HANGSPY_TRY(right, is_kind(dict, Kind::kDict));
  if (!right) return fail(Failure::kImplausible, "no dict lies at " + to_hex(dict));
  HANGSPY_TRY(keys, pointer(dict + layout().dict.keys));
  HANGSPY_TRY(values, pointer(dict + layout().dict.values));
  return Mapped{keys, values ? values + layout().dict_values.values : Address{}};
}

Result<std::vector<Entry>> Objects::entries_of(const Mapped& mapped) const {
  if (mapped.values) return split_entries(mapped.keys, mapped.values);
  HANGSPY_TRY(entries, key_entries(mapped.keys));
  std::erase_if(entries, [](const Entry& each) { return !each.first || !each.second; });
  return entries;
}

Result<std::vector<Entry>> Objects::dict(Address object) const {
  HANGSPY_TRY(mapped, mapped_by(object));
  return entries_of(mapped);
}

// Of the values only the one is read, so that it does not matter which others change meanwhile.
Result<std::optional<Address>> Objects::value_of(const Mapped& mapped, std::string_view key) const {
  const auto& [keys, values] = mapped;
  const auto& owner = values ? lasting() : *this;
  HANGSPY_TRY(table, owner.key_table(keys));
  for (std::uint64_t i = 0; i < table.count; ++i) {
    const auto entry = table.entries + 8 * table.width * i;
    HANGSPY_TRY(name, owner.value<std::uint64_t>(entry + 8 * (table.width - 2)));
    if (name == 0 || !equals({name}, key)) continue;
    const auto at = values ? values + 8 * i : entry + 8 * (table.width - 1);
    HANGSPY_TRY(found, value<std::uint64_t>(at));
    return found == 0 ? std::nullopt : std::optional(Address{found});
  }
  return std::optional<Address>{};
}

Result<std::optional<Address>> Objects::item(Address dict, std::string_view key) const {
  HANGSPY_TRY(mapped, mapped_by(dict));
  return value_of(mapped, key);
}

Result<Items> Objects::weak_set(Address object) const {
  HANGSPY_TRY(data, attribute(object, "data"));
  HANGSPY_TRY(references, set(data));
  Items referred;
  referred.reserve(references.size());
  for (std::size_t i = 0; i < references.size(); ++i) {
    expect_in_turn(references, i);
    HANGSPY_TRY(target, pointer(references[i] + layout().weak_reference.object));
    if (target) referred.push_back(target);
  }
  return referred;
}

}  // namespace hangspy::python
