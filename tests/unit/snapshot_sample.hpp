// Snapshots in which every field of every fact differs from its default, made from the list of
// fields itself, so that a new field is in them from the start.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "hangspy/snapshot.hpp"
#include "snapshot/fields.hpp"
#include "snapshot/words.hpp"

namespace hangspy::snapshot {

class Sampler {
 public:
  explicit Sampler(std::uint32_t seed) : random_(seed) {}

  Snapshot snapshot() {
    Snapshot snapshot;
    fill(snapshot);
    return snapshot;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void fill(bool& out) { out = !out; }
  template <std::integral Number>
  void fill(Number& out) {
    const Number before = out;
    while (out == before) {
      constexpr Number kEnds[] = {std::numeric_limits<Number>::min(),
                                  std::numeric_limits<Number>::max()};
      out = below(4) == 0 ? kEnds[below(2)] : static_cast<Number>(random_());
    }
  }
  void fill(double& out) {
    constexpr double kOdd[] = {
        std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
        std::numeric_limits<double>::denorm_min(), std::numeric_limits<double>::max(), 5.0};
    out = below(2) == 0 ? kOdd[below(5)] : 1.0 / static_cast<double>(1 + below(1'000'000));
  }
  void fill(Address& out) { out.value = 1 + (random_() >> below(60)) / 2; }
  void fill(std::string& out) {
    static const std::string kOurs[] = {"frame local", "\"quoted\" \\", "~ and /", "Größe"};
    out = kOurs[below(4)];
  }
  void fill(Text& out) {
    std::string bytes(1 + below(20), '\0');
    for (char& byte : bytes) byte = static_cast<char>(below(3) == 0 ? 'a' + below(26) : below(256));
    out = Text::of_target(bytes);
  }
  template <class Enum>
    requires std::is_enum_v<Enum>
  void fill(Enum& out) {
    const Enum before = out;
    std::uint8_t count = 0;
    while (!word_of(enumerator_at<Enum>(count)).empty()) ++count;
    while (out == before) out = enumerator_at<Enum>(static_cast<std::uint8_t>(below(count)));
  }
  void fill(Shared<Place>& out) {
    Place place;
    fill(place);
    out = Shared(std::move(place));
  }
  template <class Member>
  void fill(std::optional<Member>& out) {
    fill(out.emplace());
  }
  template <class Item>
  void fill(std::vector<Item>& out) {
    out.resize(1 + below(2));
    for (Item& item : out) fill(item);
  }
  template <IsFact Fact>
  void fill(Fact& out) {
    std::apply([&](const auto&... field) { (fill(out.*field.member), ...); }, kFields<Fact>);
  }

  std::mt19937_64 random_;
};

}  // namespace hangspy::snapshot
