// A snapshot as JSON: each fact an object with its fields in their order, so that two snapshots can
// be compared line by line. Addresses are "0x..." strings (a JSON number would lose their low
// bits), and an optional that is empty is not there.
#include <cmath>
#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "hangspy/snapshot.hpp"
#include "snapshot/fields.hpp"
#include "snapshot/json_form.hpp"
#include "snapshot/words.hpp"

namespace hangspy::snapshot {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
  requires std::integral<T>
Json write(T value) {
  return value;
}

Json write(double value) {
  if (std::isfinite(value)) return value;
  for (const auto& [word, number] : kNumbersWithoutJson) {
    if (number == value) return std::string(word);
  }
  return "nan";
}

Json write(const std::string& ours) {
  return ours;
}
Json write(const Text& text) {
  return to_json_value(text);
}
Json write(Address at) {
  return to_hex(at);
}

template <class Enum>
  requires std::is_enum_v<Enum>
Json write(Enum value) {
  return std::string(word_of(value));
}

template <IsFact Fact>
Json write(const Fact& fact);

template <class Item>
Json write(const std::vector<Item>& items) {
  Json array = Json::array();
  for (const Item& item : items) array.push_back(write(item));
  return array;
}

template <class Member>
void write_field(Json& object, std::string_view name, const Member& member) {
  object.emplace(std::string(name), write(member));
}

template <class Member>
void write_field(Json& object, std::string_view name, const std::optional<Member>& member) {
  if (member) write_field(object, name, *member);
}

void write_field(Json& object, std::string_view, const Shared<Place>& place) {
  object.update(write(place.get() == nullptr ? Place{} : *place.get()));
}

template <IsFact Fact>
Json write(const Fact& fact) {
  Json object = Json::object();
  std::apply(
      [&](const auto&... field) { (write_field(object, field.name, fact.*field.member), ...); },
      kFields<Fact>);
  return object;
}

}  // namespace

// Our own words are UTF-8. Should a mistake of ours make them not so, the report of a hang must not
// die of it.
std::string to_json(const Snapshot& snapshot) {
  return write(snapshot).dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace hangspy::snapshot
