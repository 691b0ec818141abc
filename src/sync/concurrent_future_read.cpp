// Concurrent futures: the state of each that a thread or a future waits for, or that a work item
// will complete. Source: Lib/concurrent/futures/_base.py, tag v3.12.1 (`_state` is a str).
#include <set>

#include "sync/moving.hpp"
#include "sync/reads.hpp"

namespace hangspy::sync {
namespace {

std::optional<snapshot::FutureState> state_of(const python::Process& process, Address future) {
  const auto& objects = process.objects();
  const auto state = objects.find(future, "_state");
  if (!state || !*state) return std::nullopt;
  const auto is = [&](std::string_view word) { return objects.equals(**state, word); };
  if (is("PENDING") || is("RUNNING")) return snapshot::FutureState::kPending;
  if (is("FINISHED")) return snapshot::FutureState::kFinished;
  if (is("CANCELLED") || is("CANCELLED_AND_NOTIFIED")) return snapshot::FutureState::kCancelled;
  return std::nullopt;
}

std::set<Address> mentioned(const snapshot::Snapshot& snapshot) {
  std::set<Address> futures;
  for (const auto& thread : snapshot.threads) {
    if (thread.wait.kind == snapshot::WaitKind::kFutureResult ||
        thread.wait.kind == snapshot::WaitKind::kServeUntil) {
      futures.insert(thread.wait.object);
    }
  }
  for (const auto& executor : snapshot.executors) {
    for (const auto& item : executor.items) futures.insert(item.future);
    if (executor.until) futures.insert(executor.until);
  }
  for (const auto& each : snapshot.completions) {
    if (each.future_is_concurrent) futures.insert(each.future);
    if (each.kind == snapshot::CompleterKind::kConcurrentFuture) futures.insert(each.completer);
  }
  return futures;
}

}  // namespace

void read_concurrent_futures(const python::Process& process, snapshot::Snapshot& snapshot) {
  for (const auto future : mentioned(snapshot)) {
    // Its bytes are others only when it is new, or its state is: somebody has a hand on it.
    std::optional<snapshot::FutureState> state;
    const bool torn =
        read_moving(process, snapshot, true, [&] { state = state_of(process, future); });
    if (state || torn) {
      snapshot.concurrent_futures.push_back(
          {future, state.value_or(snapshot::FutureState::kPending), torn});
    } else {
      snapshot.missing.push_back("the state of the concurrent future at " + to_hex(future));
    }
  }
}

}  // namespace hangspy::sync
