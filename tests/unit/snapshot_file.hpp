// The hand-written snapshots of tests/snapshots, one a case. A file says only what matters to its
// case: what it leaves out is as the fact's declaration has it, so a new field changes no file.
#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "hangspy/snapshot.hpp"

namespace hangspy {

inline std::string contents_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

namespace snapshot_file {

using Json = nlohmann::ordered_json;

// One fact of each kind, every field as declared.
inline Json declared_facts() {
  snapshot::Snapshot one;
  one.runtime.packages.emplace_back();
  one.threads.emplace_back().frames.emplace_back();
  one.tasks.emplace_back().chain.emplace_back().frame.emplace();
  one.futures.emplace_back();
  one.completions.emplace_back();
  one.loops.emplace_back().handles.emplace_back().coroutine_frame.emplace();
  one.concurrent_futures.emplace_back();
  one.executors.emplace_back().items.emplace_back().place.emplace();
  one.locks.emplace_back();
  one.references.emplace_back().holders.emplace_back();
  return Json::parse(snapshot::to_json(one));
}

// Facts that may be absent.
inline bool is_optional(const std::string& key, const Json& declared) {
  return declared.is_object() && (key == "frame" || key == "place" || key == "coroutine_frame");
}

inline void complete(Json& given, const Json& declared) {
  if (given.is_array() && !declared.empty()) {
    for (auto& each : given) complete(each, declared.front());
  }
  if (!given.is_object() || !declared.is_object()) return;
  for (const auto& [key, value] : declared.items()) {
    if (!given.contains(key)) {
      if (is_optional(key, value)) continue;
      given[key] = value.is_array() ? Json::array() : value.is_object() ? Json::object() : value;
    }
    complete(given[key], value);
  }
}

inline std::filesystem::path folder() {
  return std::filesystem::path(HANGSPY_TESTS) / "snapshots";
}

// The snapshot of tests/snapshots/NAME.json.
inline snapshot::Snapshot read(const std::string& name) {
  static const Json declared = declared_facts();
  auto json = Json::parse(contents_of(folder() / (name + ".json")));
  complete(json, declared);
  auto snapshot = snapshot::parse(json.dump());
  if (!snapshot) throw std::runtime_error(name + ": " + snapshot.error().what);
  return std::move(*snapshot);
}

// All names, sorted.
inline std::vector<std::string> all() {
  std::vector<std::string> names;
  for (const auto& each : std::filesystem::directory_iterator(folder())) {
    names.push_back(each.path().stem().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace snapshot_file
}  // namespace hangspy
