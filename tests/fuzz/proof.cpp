// A proof is looked into edge by edge, in the words of the spoilt memory itself.
#include "proof.hpp"

#include <algorithm>
#include <set>
#include <tuple>

#include "edge_in_memory.hpp"

namespace hangspy::fuzz {
namespace {

using graph::Relation;
using Edge = std::tuple<graph::NodeId, graph::NodeId, Relation>;

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
  const auto& graph = spoilt.diagnosis.graph;
  for (const auto each : spoilt.diagnosis.cycle) {
    const auto [from, to, relation] = identity(graph, graph.edge(each));
    if (before.contains({from, to, relation})) continue;
    if (is_in_memory(image, graph, from, to, relation)) continue;
    return std::string(graph::name_of(from.kind)) + " " + to_hex(from.object) + " " +
           std::string(graph::name_of(relation)) + " " + std::string(graph::name_of(to.kind)) +
           " " + to_hex(to.object);
  }
  return {};
}

}  // namespace hangspy::fuzz
