// Threads: which can act by themselves, and what the others need. A wait with a timeout of its own
// needs its object or the clock.
#include "sync/waits.hpp"

namespace hangspy::sync {
namespace {

using graph::Acts;
using graph::NodeIndex;
using graph::NodeKind;
using graph::Relation;
using snapshot::WaitKind;

std::optional<NodeKind> waited_kind(WaitKind kind) {
  switch (kind) {
    case WaitKind::kLock:
      return NodeKind::kLock;
    case WaitKind::kCondition:
      return NodeKind::kCondition;
    case WaitKind::kEvent:
      return NodeKind::kEvent;
    case WaitKind::kQueue:
      return NodeKind::kQueue;
    case WaitKind::kFutureResult:
    case WaitKind::kServeUntil:
      return NodeKind::kConcurrentFuture;
    default:
      return std::nullopt;
  }
}

void add_timeout(Building& building, NodeIndex thread, Address state, std::uint32_t group) {
  const auto timer = building.node(NodeKind::kHandle, state);
  building.acts(timer, Acts::kAtDeadline, "the wait has a timeout");
  building.graph.need(thread, timer, Relation::kWaitsFor, {"timeout"}, graph::Grade::kSeen, group);
}

void add_thread(Building& building, const snapshot::Thread& thread) {
  const auto index = building.thread_node(thread.state);
  if (thread.moves) return building.acts(index, Acts::kAlone, "it ran just then");
  const auto& wait = thread.wait;
  const auto first = wait.evidence.empty() ? std::string{} : wait.evidence.front();
  switch (wait.kind) {
    case WaitKind::kNone:
      return building.acts(index, Acts::kAlone, "it runs");
    case WaitKind::kOutside:
      return building.acts(index, Acts::kAlone, "it is in " + first);
    case WaitKind::kSelector:
      return building.acts(index, Acts::kAlone, "it is in its event loop's selector");
    case WaitKind::kIdleWorker:
      return building.acts(index, Acts::kAlone, "it is idle");
    case WaitKind::kNativeFutex:
      return wait.timed ? building.acts(index, Acts::kAlone, "its wait has a timeout")
                        : building.acts(index, Acts::kUnreadable,
                                        "it waits for a futex of no Python object");
    default:
      break;
  }
  const auto kind = waited_kind(wait.kind);
  if (!kind) return;
  building.graph.at(index).demanded =
      wait.kind == WaitKind::kFutureResult || wait.kind == WaitKind::kLock;
  const auto group = building.graph.new_group(index);
  building.graph.need(index, building.node(*kind, wait.object), Relation::kWaitsFor, wait.evidence,
                      graph::Grade::kSeen, group);
  if (wait.timed) add_timeout(building, index, thread.state, group);
}

}  // namespace

void add_thread_waits(Building& building) {
  for (const auto& thread : building.snapshot.threads) add_thread(building, thread);
}

}  // namespace hangspy::sync
