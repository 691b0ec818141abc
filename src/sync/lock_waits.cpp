// A lock is released when its holder acts. One that nobody was seen to hold stays open: an
// acquire() without `with` leaves no trace of its thread. So does one whose holder is in doubt: a
// likely deadlock is an alarm as well, and such a program may be a healthy one.
#include "sync/waits.hpp"

namespace hangspy::sync {

void add_lock_waits(Building& building) {
  for (const auto& lock : building.snapshot.locks) {
    const auto index = building.node(graph::NodeKind::kLock, lock.object);
    if (!lock.locked) {
      building.acts(index, graph::Acts::kAlone, "it is free");
    } else if (!lock.holder_known) {
      building.acts(index, graph::Acts::kOpen, "it is held, by whom is not known");
    } else if (lock.holder_doubtful) {
      building.acts(index, graph::Acts::kOpen,
                    "code inside its open `with` may have released it, and who holds it then is "
                    "not known");
    } else {
      const auto holder = lock.holder_is_task ? graph::NodeKind::kTask : graph::NodeKind::kThread;
      building.graph.need(index, building.node(holder, lock.holder), graph::Relation::kHeldBy,
                          {lock.evidence});
    }
  }
}

}  // namespace hangspy::sync
