// A case as a whole: its snapshot, its diagnosis, and an account that is the same every time.
#pragma once

#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include "hangspy/report.hpp"
#include "snapshot/fields.hpp"
#include "snapshot_file.hpp"

namespace hangspy::report {

struct Sample {
  explicit Sample(snapshot::Snapshot of)
      : snapshot(std::move(of)), diagnosis(diagnosis::diagnose(snapshot)) {
    account.samples = {{.bytes_read = 950'000}, {.bytes_read = 950'000}};
    if (snapshot.is_core) account.samples.pop_back();
    account.interval_seconds = snapshot.is_core ? 0 : 0.25;
    account.wall_us = 262'000;
  }
  explicit Sample(const std::string& name) : Sample(snapshot_file::read(name)) {}

  [[nodiscard]] std::string text(const Options& options = {}) const {
    return report::text(snapshot, diagnosis, account, options);
  }
  [[nodiscard]] std::string json(const Options& options = {}) const {
    return report::json(snapshot, diagnosis, account, options);
  }

  snapshot::Snapshot snapshot;
  diagnosis::Diagnosis diagnosis;
  snapshot::Account account;
};

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

// Goes through everything in a snapshot, with its field list: calls `visit` with each value that
// it takes, whatever fact it stands in.
template <class Visit>
class Walker {
 public:
  explicit Walker(Visit visit) : visit_(std::move(visit)) {}

  template <class Value>
  void walk(Value& value) {
    if constexpr (std::is_invocable_v<Visit&, Value&>) {
      visit_(value);
    } else if constexpr (snapshot::IsFact<Value>) {
      std::apply([&](const auto&... field) { (walk(value.*field.member), ...); },
                 snapshot::kFields<Value>);
    }
  }
  template <class Item>
  void walk(std::vector<Item>& items) {
    for (auto& item : items) walk(item);
  }
  template <class Member>
  void walk(std::optional<Member>& member) {
    if (member) walk(*member);
  }
  // What is shared never changes: another takes its place.
  template <class Value>
  void walk(Shared<Value>& shared) {
    if (shared.get() == nullptr) return;
    auto value = *shared.get();
    walk(value);
    shared = Shared(std::move(value));
  }

 private:
  Visit visit_;
};

template <class Value, class Change>
void change_every(snapshot::Snapshot& snapshot, Change change) {
  const auto visit = [&](Value& value) { change(value); };
  Walker<decltype(visit)>(visit).walk(snapshot);
}

}  // namespace hangspy::report
