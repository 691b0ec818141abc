// asgiref's CurrentThreadExecutor: work that must run on the very thread that waits in
// async_to_sync. A thread can have several, one inside the other; only that of its innermost
// run_until_future is served, and only while the thread sits in it.
//
// Source: asgiref/current_thread_executor.py: a queue.Queue `_work_queue` up to 3.8.1, a deque
// `_work_items` with a condition `_work_ready` from 3.9.0 on.
#include "sync/moving.hpp"
#include "sync/reads.hpp"
#include "sync/work_item_read.hpp"

namespace hangspy::sync {
namespace {

using python::Mark;

std::optional<Address> queued_deque(const python::Objects& objects, Address executor) {
  const auto items = objects.find(executor, "_work_items");
  if (items && *items) return *items;
  const auto queue = objects.find(executor, "_work_queue");
  if (!queue || !*queue) return std::nullopt;
  const auto deque = objects.find(**queue, "queue");
  return deque ? *deque : std::nullopt;
}

void read_queue(const python::Process& process, snapshot::Executor& executor,
                snapshot::Snapshot& snapshot) {
  const auto deque = queued_deque(process.objects(), executor.object);
  const auto objects =
      deque ? process.objects().deque(*deque) : fail(Failure::kImplausible, "it has no queue");
  if (!objects) {
    snapshot.missing.push_back("the queue of a CurrentThreadExecutor: " + objects.error().what);
    return;
  }
  std::uint32_t position = 0;
  for (const auto object : *objects) {
    auto item = work_item_fact(process, object);  // the future itself is the end token
    if (!item) continue;
    item->queued_at = position++;
    executor.items.push_back(std::move(*item));
  }
}

snapshot::Executor executor_at(const python::Process& process, const python::RawThread& thread,
                               std::size_t frame, Address self) {
  snapshot::Executor executor;
  executor.object = self;
  executor.kind = snapshot::ExecutorKind::kCurrentThread;
  executor.max_workers = 1;
  executor.workers = {thread.state};
  const auto until = process.frames().local(thread.frames[frame], "future");
  if (until && *until) executor.until = **until;
  if (frame == 0 || thread.marks[frame - 1] != Mark::kCurrentItemRun) return executor;
  const auto item_at = process.frames().local(thread.frames[frame - 1], "self");
  auto item = item_at && *item_at ? work_item_fact(process, **item_at) : std::nullopt;
  if (!item) return executor;
  item->runs_on = thread.state;
  item->frame = static_cast<std::uint32_t>(frame - 1);
  executor.items.push_back(std::move(*item));
  return executor;
}

const snapshot::Thread* fact_of(const snapshot::Snapshot& snapshot, Address state) {
  for (const auto& each : snapshot.threads) {
    if (each.state == state) return &each;
  }
  return nullptr;
}

void read_executor(const python::Process& process, const python::RawThread& thread,
                   std::size_t frame, snapshot::Snapshot& snapshot) {
  const auto self = process.frames().local(thread.frames[frame], "self");
  if (!self || !*self) return;
  const auto* fact = fact_of(snapshot, thread.state);
  auto executor = executor_at(process, thread, frame, **self);
  executor.serves = fact != nullptr && fact->wait.kind == snapshot::WaitKind::kServeUntil &&
                    fact->wait.server == executor.object;
  read_queue(process, executor, snapshot);
  snapshot.executors.push_back(std::move(executor));
}

}  // namespace

void read_current_thread_executors(const python::Process& process, snapshot::Snapshot& snapshot) {
  for (const auto& thread : process.threads()) {
    bool is_served = thread.kernel.ran;  // only the innermost is
    for (std::size_t i = 0; i < thread.frames.size(); ++i) {
      if (thread.marks[i] != Mark::kRunUntilFuture) continue;
      const auto before = snapshot.executors.size();
      const bool torn = read_moving(process, snapshot, is_served,
                                    [&] { read_executor(process, thread, i, snapshot); });
      if (snapshot.executors.size() != before) snapshot.executors.back().moves = torn;
      is_served = false;
    }
  }
}

}  // namespace hangspy::sync
