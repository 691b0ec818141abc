// ThreadPoolExecutor: its threads, what each runs, and its queue in order.
//
// A pool is found from its threads: the frame of `_worker` has the queue and a weak reference to
// the executor as locals. Source: Lib/concurrent/futures/thread.py, tags v3.11.7 to v3.13.0;
// Modules/_queuemodule.c (a list up to 3.12, a ring buffer from 3.13 on).
#include <algorithm>
#include <set>

#include "sync/futex.hpp"
#include "sync/moving.hpp"
#include "sync/reads.hpp"
#include "sync/work_item_read.hpp"

namespace hangspy::sync {
namespace {

using python::Mark;

std::optional<std::size_t> frame_of(const python::RawThread& thread, Mark mark) {
  const auto found = std::find(thread.marks.begin(), thread.marks.end(), mark);
  if (found == thread.marks.end()) return std::nullopt;
  return static_cast<std::size_t>(found - thread.marks.begin());
}

Result<python::Items> simple_queue_items(const python::Objects& objects, Address queue) {
  const auto& field = objects.layout().simple_queue;
  if (field.list != python::layouts::kAbsent) {
    HANGSPY_TRY(list_at, objects.pointer(queue + field.list));
    HANGSPY_TRY(taken, objects.value<std::uint64_t>(queue + field.list_position));
    HANGSPY_TRY(items, objects.list(list_at));
    if (taken > items.size()) return fail(Failure::kImplausible, "a queue out of bounds");
    items.erase(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(taken));
    return items;
  }
  HANGSPY_TRY(first, objects.value<std::uint64_t>(queue + field.ring_get));
  HANGSPY_TRY(capacity, objects.value<std::uint64_t>(queue + field.ring_capacity));
  HANGSPY_TRY(count, objects.value<std::uint64_t>(queue + field.ring_count));
  HANGSPY_TRY(ring, objects.pointer(queue + field.ring_items));
  if (count == 0) return python::Items{};
  if (count > capacity || first >= capacity) {
    return fail(Failure::kImplausible, "a queue out of bounds at " + to_hex(queue));
  }
  HANGSPY_TRY(words, objects.words(ring, capacity));
  python::Items items;
  for (std::uint64_t i = 0; i < count; ++i) items.push_back({words[(first + i) % capacity]});
  return items;
}

void read_queue(const python::Process& process, snapshot::Executor& pool,
                snapshot::Snapshot& snapshot) {
  const auto items = simple_queue_items(process.objects(), pool.queue);
  if (!items) {
    snapshot.missing.push_back("the queue of a thread pool: " + items.error().what);
    return;
  }
  std::uint32_t position = 0;
  for (const auto object : *items) {
    auto item = work_item_fact(process, object);  // a None tells the workers to stop
    if (!item) continue;
    item->queued_at = position++;
    pool.items.push_back(std::move(*item));
  }
}

void describe_executor(const python::Process& process, Address weak, snapshot::Executor& pool) {
  const auto& objects = process.objects();
  const auto executor = objects.pointer(weak + objects.layout().weak_reference.object);
  if (!executor || !*executor || objects.is_none(*executor)) return;
  pool.object = *executor;
  if (const auto most = objects.find(*executor, "_max_workers"); most && *most) {
    const auto number = objects.integer(**most);
    if (number) pool.max_workers = static_cast<std::uint32_t>(*number);
  }
  const auto down = objects.find(*executor, "_shutdown");
  pool.shut_down = down && *down && objects.is_true(**down);
}

// A pool may start another thread at its next submit until it has `max_workers`, and one that it
// has started may not have come as far as `_worker` yet. One that is shut down starts none.
bool is_complete(const python::Process& process, const snapshot::Executor& pool) {
  const auto threads = process.objects().find(pool.object, "_threads");
  const auto started =
      threads && *threads ? process.objects().set(**threads) : fail(Failure::kImplausible, "");
  if (!started || started->size() > pool.workers.size()) return false;
  return pool.shut_down || (pool.max_workers && pool.workers.size() >= *pool.max_workers);
}

snapshot::Executor& pool_of(const python::Process& process, const python::RawFrame& worker,
                            Address queue, snapshot::Snapshot& snapshot) {
  for (auto& each : snapshot.executors) {
    if (each.queue == queue) return each;
  }
  snapshot::Executor pool;
  pool.kind = snapshot::ExecutorKind::kThreadPool;
  pool.queue = queue;
  pool.object = queue;  // until the executor itself is found: it may be gone before its threads
  const auto weak = process.frames().local(worker, "executor_reference");
  if (weak && *weak) describe_executor(process, **weak, pool);
  return snapshot.executors.emplace_back(std::move(pool));
}

// The place of its pool among the executors, if it is a worker.
std::optional<std::size_t> read_worker(const python::Process& process,
                                       const python::RawThread& thread,
                                       snapshot::Snapshot& snapshot) {
  const auto worker = frame_of(thread, Mark::kPoolWorker);
  if (!worker) return std::nullopt;
  const auto queue = process.frames().local(thread.frames[*worker], "work_queue");
  if (!queue || !*queue) return std::nullopt;
  auto& pool = pool_of(process, thread.frames[*worker], **queue, snapshot);
  const auto place = static_cast<std::size_t>(&pool - snapshot.executors.data());
  pool.workers.push_back(thread.state);
  if (*worker == 0 || thread.marks[*worker - 1] != Mark::kPoolItemRun) return place;
  const auto self = process.frames().local(thread.frames[*worker - 1], "self");
  auto item = self && *self ? work_item_fact(process, **self) : std::nullopt;
  if (!item) return place;
  item->runs_on = thread.state;
  item->frame = static_cast<std::uint32_t>(*worker - 1);
  pool.items.push_back(std::move(*item));
  return place;
}

}  // namespace

ThreadWait thread_pool_wait(const python::Process& process, const python::RawThread& thread) {
  if (thread.marks.empty() || thread.marks.front() != Mark::kPoolWorker) return std::nullopt;
  const auto queue = process.frames().local(thread.frames.front(), "work_queue");
  if (!queue || !*queue || !parked_on(process, thread, **queue)) return std::nullopt;
  return snapshot::ThreadWait{
      .kind = snapshot::WaitKind::kIdleWorker, .object = **queue, .evidence = {"frame", "futex"}};
}

void read_thread_pools(const python::Process& process, snapshot::Snapshot& snapshot) {
  const auto first = snapshot.executors.size();
  std::set<std::size_t> served;  // places of pools from whose queue a worker took something
  for (const auto& thread : process.threads()) {
    const bool is_idle = !thread.marks.empty() && thread.marks.front() == Mark::kPoolWorker;
    const bool took = thread.may_move() && (is_idle || thread.fresh);
    std::optional<std::size_t> place;
    const bool torn = read_moving(process, snapshot, took,
                                  [&] { place = read_worker(process, thread, snapshot); });
    if (place && took) served.insert(*place);
    if (place && torn) snapshot.executors[*place].moves = true;
  }
  for (auto i = first; i < snapshot.executors.size(); ++i) {
    auto& pool = snapshot.executors[i];
    const bool torn = read_moving(process, snapshot, served.contains(i), [&] {
      pool.complete = is_complete(process, pool);
      read_queue(process, pool, snapshot);
    });
    pool.moves = pool.moves || torn;
  }
}

}  // namespace hangspy::sync
