// A proof is looked into edge by edge, in the words of the spoilt memory itself. Nothing of the
// reader is asked: an edge is there when one of its ends leads to the other by few pointers, or,
// for what a task waits for and runs on, when the task's own field says so.
#include "proof.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <span>
#include <tuple>
#include <vector>

#include "python/layouts/layouts.hpp"

namespace hangspy::fuzz {
namespace {

using graph::NodeKind;
using graph::Relation;
using Edge = std::tuple<graph::NodeId, graph::NodeId, Relation>;

constexpr std::uint64_t kObjectWords = 64;
constexpr int kMaxHops = 6;
constexpr std::size_t kMaxSeen = 5'000;

Edge identity(const graph::WaitGraph& graph, const graph::Edge& edge) {
  return {graph.at(edge.from).id, graph.at(edge.to).id, edge.relation};
}

std::set<Edge> edges_of(const graph::WaitGraph& graph) {
  std::set<Edge> found;
  for (const auto& each : graph.edges()) found.insert(identity(graph, each));
  return found;
}

bool is_proven(const diagnosis::Diagnosis& diagnosis) {
  return diagnosis.certainty == diagnosis::Certainty::kProven;
}

std::uint64_t word(const images::Image& image, Address at) {
  return memory::read_as<std::uint64_t>(image, at).value_or(0);
}

// The words of whatever lies at `at`. What looks like an object's head (a count, then a type) is
// left out: through types everything leads to everything.
std::vector<std::uint64_t> words_at(const images::Image& image, Address at) {
  std::vector<std::uint64_t> words;
  std::array<std::uint64_t, kObjectWords> object{};
  // What lies at the end of a mapping is less than the longest object.
  if (!image.read(at, std::as_writable_bytes(std::span(object)))) {
    for (std::uint64_t i = 0; i < kObjectWords; ++i) object[i] = word(image, at + 8 * i);
  }
  const bool has_head = object[0] < (1ULL << 33U);
  for (std::uint64_t i = has_head ? 2 : 0; i < kObjectWords; ++i) {
    if (object[i] > 0x1000) words.push_back(object[i]);
  }
  if (has_head) {  // a managed dict or values lie before the head
    for (const std::uint64_t back : {24U, 32U}) {
      if (const auto value = word(image, at - back); value > 0x1000) words.push_back(value | 1U);
    }
  }
  return words;
}

bool leads_to(const images::Image& image, Address from, Address to) {
  std::set<std::uint64_t> seen{from.value};
  std::vector<std::uint64_t> front{from.value};
  for (int hop = 0; hop < kMaxHops && !front.empty() && seen.size() < kMaxSeen; ++hop) {
    std::vector<std::uint64_t> next;
    for (const auto at : front) {
      for (const auto value : words_at(image, {at})) {
        // A tagged pointer is one less, or is one (3.12 and 3.13).
        for (const auto each : {value, value - (value & 1U), value + (value & 1U)}) {
          if (each == to.value) return true;
          if (seen.size() < kMaxSeen && seen.insert(each).second) next.push_back(each);
        }
      }
    }
    front = std::move(next);
  }
  return false;
}

bool is_there(const images::Image& image, const python::layouts::Layout& layout,
              const graph::NodeId& from, const graph::NodeId& to, Relation relation) {
  if (from.object == to.object) return false;  // nothing is a reason for itself
  if (from.kind == NodeKind::kTask && relation == Relation::kWaitsFor) {
    return word(image, from.object + layout.task.waits_for) == to.object.value;
  }
  if (from.kind == NodeKind::kTask && to.kind == NodeKind::kEventLoop) {
    return word(image, from.object + layout.future.loop) == to.object.value;
  }
  return leads_to(image, from.object, to.object) || leads_to(image, to.object, from.object);
}

}  // namespace

bool is_new_proof(const diagnosis::Diagnosis& whole, const diagnosis::Diagnosis& spoilt) {
  if (!is_proven(spoilt)) return false;
  if (!is_proven(whole)) return true;
  const auto before = edges_of(whole.graph);
  return std::ranges::any_of(spoilt.cycle, [&](graph::EdgeIndex each) {
    return !before.contains(identity(spoilt.graph, spoilt.graph.edge(each)));
  });
}

std::string doubt_in(const images::Image& image, const images::Reading& whole,
                     const images::Reading& spoilt) {
  if (!is_new_proof(whole.diagnosis, spoilt.diagnosis)) return {};
  const auto before = edges_of(whole.diagnosis.graph);
  const auto build = python::layouts::layout_of(3, image.minor(), false);
  if (!build) return "no layout";
  const auto& graph = spoilt.diagnosis.graph;
  for (const auto each : spoilt.diagnosis.cycle) {
    const auto [from, to, relation] = identity(graph, graph.edge(each));
    if (before.contains({from, to, relation})) continue;
    if (is_there(image, build->layout, from, to, relation)) continue;
    return std::string(graph::name_of(from.kind)) + " " + to_hex(from.object) + " " +
           std::string(graph::name_of(relation)) + " " + std::string(graph::name_of(to.kind)) +
           " " + to_hex(to.object);
  }
  return {};
}

}  // namespace hangspy::fuzz
