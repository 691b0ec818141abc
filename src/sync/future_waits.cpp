// An asyncio future ends when any of its completers does; a gather when all its children have. One
// without a known completer is open: somebody holds it and will set it.
#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;
using graph::Relation;

// One for all futures, of which there may be very many.
const Shared<std::string> kSettable("anyone who holds it may set it");

NodeIndex completer_node(Building& building, const snapshot::Completion& completion) {
  if (completion.kind == snapshot::CompleterKind::kConcurrentFuture) {
    return building.node(NodeKind::kConcurrentFuture, completion.completer);
  }
  return building.future_node(completion.completer);
}

}  // namespace

void add_future_waits(Building& building) {
  for (const auto& future : building.snapshot.futures) {
    const auto index = building.node(NodeKind::kFuture, future.object);
    if (future.state != snapshot::FutureState::kPending) {
      building.acts(index, Acts::kAlone, "it is done");
      continue;
    }
    if (future.moves) {
      building.acts(index, Acts::kAlone, "it changed just then");
      continue;
    }
    // A gather needs each of its children: a group for each, and no other.
    const auto any = future.gathers ? 0 : building.graph.new_group(index);
    for (const auto* each : building.completions_of(future.object)) {
      if (each->future_is_concurrent) continue;
      const auto group = future.gathers ? building.graph.new_group(index) : any;
      building.graph.need(index, completer_node(building, *each), Relation::kCompletedBy,
                          {each->evidence}, graph::Grade::kSeen, group);
    }
    if (!future.gathers) building.need_handles(index, future.object, any);
    if (building.graph.edges_of(index).empty()) {
      building.acts(index, Acts::kOpen, kSettable);
    }
  }
}

}  // namespace hangspy::sync
