// Cycles through locks: among threads alone, or across the bridge between sync and async code.
#include <algorithm>

#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

using graph::NodeKind;

bool only(const Case& found, std::initializer_list<NodeKind> kinds) {
  return std::all_of(found.cycle.begin(), found.cycle.end(), [&](graph::EdgeIndex edge) {
    const auto kind = found.graph.at(found.graph.edge(edge).from).id.kind;
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
  });
}

bool is_lock_cycle(const Case& found) {
  return found.has(NodeKind::kLock) && only(found, {NodeKind::kThread, NodeKind::kLock});
}

bool is_across_bridge(const Case& found) {
  return found.has(NodeKind::kLock);
}

// Where the first lock of the cycle was taken.
std::optional<snapshot::Frame> first_holding_frame(const Case& found) {
  for (const auto object : found.parties(NodeKind::kLock)) {
    const auto* lock = found.facts.lock(object);
    const auto frame = lock != nullptr ? holding_frame(found.facts, *lock) : std::nullopt;
    if (frame) return frame;
  }
  return std::nullopt;
}

Advice advise_order(const Case& found) {
  Advice advice;
  const auto frame = first_holding_frame(found);
  if (!frame) return advice;
  advice.help = found.parties(NodeKind::kThread).size() == 1
                    ? code_and_place(*frame) +
                          " takes a lock that its own thread holds already. "
                          "Use an RLock, or do not take it twice"
                    : code_and_place(*frame) +
                          " holds a lock while it waits for another. Take the "
                          "locks in one order everywhere, or hold only one";
  return advice;
}

Advice advise_bridge(const Case& found) {
  Advice advice;
  const auto frame = first_holding_frame(found);
  if (frame) {
    advice.help = code_and_place(*frame) +
                  " holds a lock while it waits for work that needs the lock. Leave the `with` "
                  "block before the call into the other world";
  }
  return advice;
}

}  // namespace

extern const Rule kLockCycle = {
    "lock-cycle", is_lock_cycle, advise_order, "threads wait for each other's locks",
    R"(Each thread of the cycle holds a lock that the next one waits for; or one thread waits for a
lock that it holds itself.

What helps: take locks in one order everywhere; hold one at a time; an RLock where one thread takes
the same lock twice.
)"};

extern const Rule kLockAcrossBridge = {
    "lock-across-bridge", is_across_bridge, advise_bridge,
    "a lock is held while its holder waits, across sync and async code, for who needs the lock",
    R"(Sync code holds a threading lock and calls into async code (async_to_sync, or
run_coroutine_threadsafe and result()); what runs there comes back to a thread that waits for the
lock.

What helps: leave the `with` block before the call; guard async state with an asyncio.Lock.
)"};

}  // namespace hangspy::diagnosis
