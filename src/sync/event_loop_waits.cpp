// An event loop acts when the thread that runs it does; everything that it is to run needs it. A
// timer needs the clock besides; a registered descriptor is moved by the outside world.
#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::NodeKind;
using graph::Relation;

void add_handle(Building& building, const snapshot::EventLoop& loop, const snapshot::Handle& handle,
                graph::NodeIndex loop_node) {
  const auto index = building.node(NodeKind::kHandle, handle.object);
  const char* where = handle.kind == snapshot::HandleKind::kReady   ? "ready queue"
                      : handle.kind == snapshot::HandleKind::kTimer ? "timer heap"
                                                                    : "selector registration";
  building.graph.need(index, loop_node, Relation::kRunsOn, {where});
  if (handle.kind != snapshot::HandleKind::kTimer) return;
  building.acts(index, Acts::kAtDeadline, "a timer");
  building.graph.at(index).deadline_seconds = loop.now ? handle.when - *loop.now : handle.when;
}

}  // namespace

std::string unread_queues_of(const snapshot::EventLoop& loop) {
  const bool is_uvloop = loop.type.bytes().starts_with("uvloop");
  return is_uvloop ? "uvloop, which are not Python objects"
                   : "an event loop, which could not be read whole";
}

void add_event_loop_waits(Building& building) {
  for (const auto& loop : building.snapshot.loops) {
    const auto index = building.node(NodeKind::kEventLoop, loop.object);
    if (loop.thread) {
      // A loop that is inside a callback owes everything that it serves.
      const auto* thread = building.threads.find(loop.thread);
      const bool inside = thread != nullptr && thread->runs_handle;
      if (inside) building.graph.at(building.thread_node(loop.thread)).demanded = true;
      building.graph.need(index, building.thread_node(loop.thread), Relation::kRunsOn,
                          {"running loop"});
    } else {
      building.acts(index, Acts::kOpen, "no thread runs it now; any may");
    }
    for (const auto& handle : loop.handles) add_handle(building, loop, handle, index);
  }
}

}  // namespace hangspy::sync
