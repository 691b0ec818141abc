// Cycles of pools, of tasks, and any other; and the wait that nobody can end.
#include "diagnosis/rules.hpp"

namespace hangspy::diagnosis {
namespace {

using graph::NodeKind;

bool is_pool_exhaustion(const Case& found) {
  const auto* item = found.queued_item();
  const auto* executor = item != nullptr ? found.facts.executor_of_item(item->object) : nullptr;
  return executor != nullptr && executor->kind == snapshot::ExecutorKind::kThreadPool;
}

bool is_task_cycle(const Case& found) {
  return found.has(NodeKind::kTask) && !found.has(NodeKind::kThread);
}

bool is_any(const Case&) {
  return true;
}

std::optional<snapshot::Frame> first_frame(const Case& found) {
  for (const auto state : found.parties(NodeKind::kThread)) {
    const auto* thread = found.facts.thread(state);
    if (thread != nullptr) return user_frame(*thread);
  }
  for (const auto object : found.parties(NodeKind::kTask)) {
    const auto* task = found.facts.task(object);
    if (task != nullptr) return user_frame(*task);
  }
  return std::nullopt;
}

Advice advise_pool(const Case& found) {
  Advice advice;
  if (const auto frame = first_frame(found)) {
    advice.help = code_and_place(*frame) +
                  " occupies a thread of the pool while it waits for work queued in the same pool. "
                  "Give the inner work a pool of its own, or do it in place";
    advice.notes.emplace_back("more threads only make it rarer");
  }
  return advice;
}

Advice advise_tasks(const Case& found) {
  Advice advice;
  if (const auto frame = first_frame(found)) {
    advice.help = code_and_place(*frame) +
                  " awaits a task that awaits, in the end, this one. Let one of them return first, "
                  "or pass the value by a future that is set before";
  }
  return advice;
}

Advice advise_any(const Case& found) {
  Advice advice;
  if (const auto frame = first_frame(found)) {
    advice.help = code_and_place(*frame) +
                  " waits for something that waits, in the end, for it. Do not block there";
  }
  return advice;
}

Advice advise_orphan(const Case& found) {
  Advice advice;
  if (const auto frame = first_frame(found)) {
    advice.help = code_and_place(*frame) +
                  " waits for an object to which nobody else holds a reference. Keep it where who "
                  "should release it can reach it, and give the wait a timeout";
  }
  return advice;
}

}  // namespace

extern const Rule kPoolExhaustion = {
    "pool-exhaustion", is_pool_exhaustion, advise_pool,
    "every thread of a pool waits for work queued in the same pool",
    R"(All threads of a pool run work that waits for other work, which is queued in that same pool.

    def outer(): return pool.submit(inner).result()

What helps: a pool of its own for the inner work; do it in place; submit before, wait outside.
)"};

extern const Rule kTaskCycle = {
    "task-cycle", is_task_cycle, advise_tasks, "asyncio tasks await each other",
    R"(Each task of the cycle awaits the next one. No thread is blocked, so the loop runs on and the
worker looks healthy from outside, but these tasks never end.
)"};

extern const Rule kWaitCycle = {
    "wait-cycle", is_any, advise_any, "a closed set of waits of several kinds",
    R"(Every party of the cycle waits for the next one; the report names each wait and what was read
to know it.
)"};

extern const Rule kNobodyCanRelease = {
    "nobody-can-release", is_any, advise_orphan,
    "something waits for an object that nobody else can reach",
    R"(The references to the object are used up by those who wait for it: nothing alive can release
it any more.
)"};

}  // namespace hangspy::diagnosis
