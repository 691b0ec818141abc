// A lock is released when its holder acts. One that nobody was seen to hold stays open: an
// acquire() without `with` leaves no trace of its thread.
#include "sync/waits.hpp"

namespace hangspy::sync {

void add_lock_waits(Building& building) {
  for (const auto& lock : building.snapshot.locks) {
    const auto index = building.node(graph::NodeKind::kLock, lock.object);
    if (!lock.locked) {
      building.acts(index, graph::Acts::kAlone, "it is free");
    } else if (!lock.holder_known) {
      building.acts(index, graph::Acts::kOpen, "it is held, by whom is not known");
    } else {
      const auto holder = lock.holder_is_task ? graph::NodeKind::kTask : graph::NodeKind::kThread;
      building.graph.need(index, building.node(holder, lock.holder), graph::Relation::kHeldBy,
                          {lock.evidence});
    }
  }
}

}  // namespace hangspy::sync
