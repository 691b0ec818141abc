// Whether two samples tell the same story.
//
// A deadlock is stable, so each of its edges must be there again, and all that was stuck in it;
// none of whose threads may have run in between. A loop's thread is not stuck in a cycle of tasks,
// and may tick. A blocked loop must be in the same handle, frame and instruction.
#include <algorithm>
#include <set>
#include <tuple>

#include "diagnosis/case.hpp"

namespace hangspy::diagnosis {
namespace {

using graph::NodeKind;

constexpr const char* kRan = "a thread that was stuck ran in between";

using EdgeIdentity = std::tuple<graph::NodeId, graph::NodeId, graph::Relation>;

EdgeIdentity identity(const graph::WaitGraph& graph, graph::EdgeIndex index) {
  const auto& edge = graph.edge(index);
  return {graph.at(edge.from).id, graph.at(edge.to).id, edge.relation};
}

// The run counter of a thread that is stuck must not have moved.
bool ran(const Facts& before, const Facts& after, Address state) {
  const auto* first = before.thread(state);
  const auto* second = after.thread(state);
  return first == nullptr || second == nullptr || first->run_counter != second->run_counter;
}

std::optional<std::string> cycle_difference(const snapshot::Snapshot& first_snapshot,
                                            const Diagnosis& first,
                                            const snapshot::Snapshot& second_snapshot,
                                            const Diagnosis& second) {
  std::set<EdgeIdentity> again;
  for (graph::EdgeIndex i = 0; i < second.graph.edges().size(); ++i) {
    again.insert(identity(second.graph, i));
  }
  const Facts before(first_snapshot);
  const Facts after(second_snapshot);
  for (const auto edge : first.cycle) {
    if (!again.contains(identity(first.graph, edge)))
      return "a wait of the cycle was not there again";
    const auto& from = first.graph.at(first.graph.edge(edge).from).id;
    if (from.kind == NodeKind::kThread && ran(before, after, from.object)) return kRan;
  }
  std::set<graph::NodeId> stuck;
  for (const auto node : second.cause) stuck.insert(second.graph.at(node).id);
  for (const auto node : first.cause) {
    const auto& id = first.graph.at(node).id;
    if (id.kind == NodeKind::kThread && ran(before, after, id.object)) return kRan;
    if (!stuck.contains(id)) return "not all that was stuck was so again";
  }
  return std::nullopt;
}

std::optional<std::string> loop_difference(const snapshot::Snapshot& first_snapshot,
                                           const Diagnosis& first,
                                           const snapshot::Snapshot& second_snapshot) {
  const Facts before(first_snapshot);
  const Facts after(second_snapshot);
  for (const auto& participant : first.participants) {
    const auto state = first.graph.at(participant.node).id.object;
    const auto* then = before.thread(state);
    const auto* now = after.thread(state);
    if (then == nullptr || now == nullptr || then->runs_handle != now->runs_handle ||
        then->frames.empty() || now->frames.empty() ||
        then->frames.front().frame != now->frames.front().frame ||
        then->frames.front()->instruction != now->frames.front()->instruction) {
      return "the event loop has gone on";
    }
    if (then->run_counter != now->run_counter) return "the event loop's thread ran in between";
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> difference(const snapshot::Snapshot& first_snapshot,
                                      const Diagnosis& first,
                                      const snapshot::Snapshot& second_snapshot,
                                      const Diagnosis& second) {
  if (first.verdict != second.verdict || first.rule != second.rule) {
    return std::string(name_of(first.verdict)) + " at first, then " +
           std::string(name_of(second.verdict));
  }
  if (first.verdict == Verdict::kBlockedLoop) {
    return loop_difference(first_snapshot, first, second_snapshot);
  }
  return cycle_difference(first_snapshot, first, second_snapshot, second);
}

}  // namespace hangspy::diagnosis
