// JSON back to a snapshot. Each value must be of its kind and in its range, every field must be
// there, and nothing else: a snapshot from another version of hangspy is refused, not half
// understood. An error says where: "threads[3].frames[0].line: missing".
#include <charconv>
#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "hangspy/snapshot.hpp"
#include "snapshot/fields.hpp"
#include "snapshot/json_document.hpp"
#include "snapshot/json_form.hpp"
#include "snapshot/words.hpp"

namespace hangspy::snapshot {
namespace {

using Json = nlohmann::json;

// Where in the document we are: the last step, and the one it was made from. Written out only
// for an error.
struct Step {
  const Step* from = nullptr;
  std::string_view key;  // empty: `index` counts
  std::size_t index = 0;

  [[nodiscard]] std::string path() const {
    std::string path;
    for (const Step* step = this; step->from != nullptr; step = step->from) {
      path.insert(0, step->key.empty() ? "[" + std::to_string(step->index) + "]"
                                       : "." + std::string(step->key));
    }
    return path.empty() ? "the snapshot" : path.substr(1);
  }
};

tl::unexpected<Error> wrong(const Step& at, const std::string& why) {
  return fail(Failure::kFile, at.path() + ": " + why);
}

Result<std::string_view> as_string(const Json& json, const Step& at) {
  const auto* string = json.get_ptr<const std::string*>();
  if (string == nullptr) return wrong(at, "not a string");
  return std::string_view(*string);
}

Result<void> read(const Json& json, const Step& at, bool& out) {
  const auto* boolean = json.get_ptr<const bool*>();
  if (boolean == nullptr) return wrong(at, "neither true nor false");
  out = *boolean;
  return {};
}

template <std::integral Number>
Result<void> read(const Json& json, const Step& at, Number& out) {
  const auto keep = [&](auto number) -> Result<void> {
    if (!std::in_range<Number>(number)) return wrong(at, "a number out of its range");
    out = static_cast<Number>(number);
    return {};
  };
  // A number without a sign is one of the second kind, too.
  if (const auto* number = json.get_ptr<const std::uint64_t*>()) return keep(*number);
  if (const auto* number = json.get_ptr<const std::int64_t*>()) return keep(*number);
  return wrong(at, "not a whole number");
}

Result<void> read(const Json& json, const Step& at, double& out) {
  if (json.is_number()) {
    out = json.get<double>();
    return {};
  }
  if (const auto* word = json.get_ptr<const std::string*>()) {
    for (const auto& [known, number] : kNumbersWithoutJson) {
      if (known != *word) continue;
      out = number;
      return {};
    }
  }
  return wrong(at, "not a number");
}

// hangspy's own words, which reports print as they are: a line that the door would not change.
Result<void> read(const Json& json, const Step& at, std::string& out) {
  HANGSPY_TRY(string, as_string(json, at));
  out = string;
  if (to_line(Text::of_target(out), {.max_columns = string.size()}) != out) {
    return wrong(at, "not printable");
  }
  return {};
}

Result<void> read(const Json& json, const Step& at, Text& out) {
  HANGSPY_TRY(string, as_string(json, at));
  auto text = from_json_value(string);
  if (!text) return wrong(at, text.error().what);
  out = std::move(*text);
  return {};
}

Result<void> read(const Json& json, const Step& at, Address& out) {
  HANGSPY_TRY(string, as_string(json, at));
  const char* const end = string.data() + string.size();
  if (string.starts_with("0x")) {
    const auto [stop, error] = std::from_chars(string.data() + 2, end, out.value, 16);
    if (error == std::errc() && stop == end) return {};
  }
  return wrong(at, "not an address like \"0x7f00\"");
}

template <class Enum>
  requires std::is_enum_v<Enum>
Result<void> read(const Json& json, const Step& at, Enum& out) {
  HANGSPY_TRY(word, as_string(json, at));
  const std::optional<Enum> known = from_word<Enum>(word);
  if (!known) return wrong(at, "a word that is not known here");
  out = *known;
  return {};
}

template <IsFact Fact>
Result<void> read(const Json& json, const Step& at, Fact& out);

template <class Item>
Result<void> read(const Json& json, const Step& at, std::vector<Item>& out) {
  if (!json.is_array()) return wrong(at, "not a list");
  out.reserve(json.size());
  for (const Json& item : json) {
    const Step here{.from = &at, .key = {}, .index = out.size()};
    HANGSPY_CHECK(read(item, here, out.emplace_back()));
  }
  return {};
}

template <class Member>
Result<void> read_field(const Json& object, const Step& at, Member& out) {
  const auto field = object.find(at.key);
  if (field == object.end()) return wrong(at, "missing");
  return read(*field, at, out);
}

template <class Member>
Result<void> read_field(const Json& object, const Step& at, std::optional<Member>& out) {
  const auto field = object.find(at.key);
  if (field == object.end()) return {};
  return read(*field, at, out.emplace());
}

template <class Fact>
bool is_field(std::string_view key);

template <class Fact, class Member>
bool is_named(Member Fact::*, std::string_view name, std::string_view key) {
  if constexpr (std::is_same_v<Member, Shared<Place>>) return is_field<Place>(key);
  return name == key;
}

template <class Fact>
bool is_field(std::string_view key) {
  return std::apply(
      [&](const auto&... field) { return ((is_named(field.member, field.name, key)) || ...); },
      kFields<Fact>);
}

template <IsFact Fact>
Result<void> read_fields(const Json& json, const Step& at, Fact& out);

// A frame's place has no object of its own.
Result<void> read_field(const Json& object, const Step& at, Shared<Place>& out) {
  Place place;
  HANGSPY_CHECK(read_fields(object, *at.from, place));
  out = Shared(std::move(place));
  return {};
}

template <IsFact Fact>
Result<void> read(const Json& json, const Step& at, Fact& out) {
  if (!json.is_object()) return wrong(at, "not an object");
  for (const auto& [key, value] : json.items()) {
    if (is_field<Fact>(key)) continue;
    return wrong(at, "the unknown key \"" + to_line(Text::of_target(key)) + "\"");
  }
  return read_fields(json, at, out);
}

template <IsFact Fact>
Result<void> read_fields(const Json& json, const Step& at, Fact& out) {
  Result<void> result;
  const auto take = [&](const auto& field) {
    const Step here{.from = &at, .key = field.name};
    result = read_field(json, here, out.*field.member);
    return result.has_value();
  };
  std::apply([&](const auto&... field) { static_cast<void>((take(field) && ...)); }, kFields<Fact>);
  return result;
}

}  // namespace

Result<Snapshot> parse(std::string_view json) {
  HANGSPY_TRY(document, parse_document(json));
  Snapshot snapshot;
  HANGSPY_CHECK(read(document, Step{}, snapshot));
  return snapshot;
}

}  // namespace hangspy::snapshot
