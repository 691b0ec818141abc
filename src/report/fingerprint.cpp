#include "report/fingerprint.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "report/node_facts.hpp"

namespace hangspy::report {
namespace {

// The last two parts of a path: where it was installed does not matter.
std::string_view tail_of(std::string_view path) {
  auto slash = path.rfind('/');
  if (slash != std::string_view::npos && slash > 0) slash = path.rfind('/', slash - 1);
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// What one edge contributes: how who waits, in which function of which file.
std::string edge_words(const NodeFacts& facts, const diagnosis::Diagnosis& diagnosis,
                       graph::EdgeIndex index) {
  const auto& edge = diagnosis.graph.edge(index);
  const auto& id = diagnosis.graph.at(edge.from).id;
  std::string words(graph::name_of(edge.relation));
  words += '|';
  words += graph::name_of(id.kind);
  if (const auto place = facts.place(id)) {
    words += '|';
    words += (*place)->function.bytes();
    words += '|';
    words += tail_of((*place)->file.bytes());
  }
  return words;
}

// FNV-1a, 32 bits.
std::uint32_t hash_of(const std::vector<std::string>& parts) {
  std::uint32_t hash = 2166136261U;
  const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 16777619U; };
  for (const auto& part : parts) {
    for (const char each : part) add(static_cast<unsigned char>(each));
    add('\n');
  }
  return hash;
}

}  // namespace

std::string fingerprint(const snapshot::Snapshot& snapshot, const diagnosis::Diagnosis& diagnosis) {
  if (diagnosis.cycle.empty()) return {};
  const NodeFacts facts(snapshot);
  std::vector<std::string> parts;
  parts.reserve(diagnosis.cycle.size());
  for (const auto edge : diagnosis.cycle) parts.push_back(edge_words(facts, diagnosis, edge));
  // Every rotation is the same cycle: the smallest stands for all.
  auto smallest = parts;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    std::rotate(parts.begin(), parts.begin() + 1, parts.end());
    smallest = std::min(smallest, parts);
  }
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "wc1:%08x", hash_of(smallest));
  return text.data();
}

}  // namespace hangspy::report
