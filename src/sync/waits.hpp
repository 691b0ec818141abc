// From facts to edges: what each kind of wait means for who can act again. One file a kind, beside
// the one that reads it. Nothing here sees memory.
#pragma once

#include <string>
#include <unordered_map>

#include "hangspy/snapshot.hpp"
#include "hangspy/wait_graph.hpp"
#include "snapshot/by_identity.hpp"

namespace hangspy::sync {

// The graph of everything in the snapshot.
[[nodiscard]] graph::WaitGraph build_graph(const snapshot::Snapshot& snapshot);

// "uvloop, which are not Python objects": whose queues a loop that is not readable keeps, and why.
[[nodiscard]] std::string unread_queues_of(const snapshot::EventLoop& loop);

// The graph while it is built, with the snapshot's facts by identity.
struct Building {
  explicit Building(const snapshot::Snapshot& facts);

  const snapshot::Snapshot& snapshot;
  graph::WaitGraph graph;
  snapshot::ByIdentity<snapshot::Task> tasks;
  snapshot::ByIdentity<snapshot::EventLoop> loops;
  snapshot::ByIdentity<snapshot::Thread> threads;  // by thread state
  using Completions = std::vector<const snapshot::Completion*>;
  std::unordered_map<std::uint64_t, Completions> completions;  // by the future
  std::unordered_map<std::uint64_t, std::vector<const snapshot::WorkItem*>> items;
  std::unordered_map<std::uint64_t, std::vector<Address>> handles;

  // What will complete a future, asyncio's or a concurrent one.
  [[nodiscard]] const Completions& completions_of(Address future) const;
  // The node of an asyncio future or task, whichever the object is.
  graph::NodeIndex future_node(Address future);
  // What goes on only when the loop that `thread` runs inside frame `below` has done what it runs
  // for needs that future, too: the thread in its selector is alive, but does not return.
  void need_loop_run(graph::NodeIndex from, const snapshot::Thread& thread, std::size_t below);
  void note_handle(const snapshot::Handle& handle);
  // `from` needs any of the handles that will complete `future`: a sleep's timer, a socket's
  // reader.
  void need_handles(graph::NodeIndex from, Address future, std::uint32_t group);
  graph::NodeIndex thread_node(Address state) { return node(graph::NodeKind::kThread, state); }
  graph::NodeIndex node(graph::NodeKind kind, Address object) { return graph.node({kind, object}); }
  void acts(graph::NodeIndex index, graph::Acts how, std::string why);
  void acts(graph::NodeIndex index, graph::Acts how, Shared<std::string> why);  // of very many
};

void add_thread_waits(Building& building);
void add_lock_waits(Building& building);
void add_condition_waits(Building& building);
void add_join_waits(Building& building);
void add_event_loop_waits(Building& building);
void add_task_waits(Building& building);
void add_future_waits(Building& building);
void add_concurrent_future_waits(Building& building);
void add_thread_pool_waits(Building& building);
void add_current_thread_executor_waits(Building& building);

// A work item waits for its executor while it is queued, for its thread while it runs; the same
// for both kinds of executor.
void add_work_items(Building& building, const snapshot::Executor& executor);

}  // namespace hangspy::sync
