// A case: one snapshot, its graph, and one cause found in it. Rules look at a case and say whether
// it is theirs and what helps; they see facts by identity, never the target.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "hangspy/diagnosis.hpp"
#include "snapshot/by_identity.hpp"

namespace hangspy::diagnosis {

// The snapshot's facts by identity.
class Facts {
 public:
  explicit Facts(const snapshot::Snapshot& snapshot);

  [[nodiscard]] const snapshot::Snapshot& all() const { return snapshot_; }
  [[nodiscard]] const snapshot::Thread* thread(Address state) const;
  [[nodiscard]] const snapshot::Task* task(Address object) const;
  [[nodiscard]] const snapshot::EventLoop* loop(Address object) const;
  [[nodiscard]] const snapshot::Handle* handle(Address object) const;
  [[nodiscard]] const snapshot::WorkItem* item(Address object) const;
  [[nodiscard]] const snapshot::Executor* executor(Address object) const;
  [[nodiscard]] const snapshot::Executor* executor_of_item(Address item) const;
  [[nodiscard]] const snapshot::Lock* lock(Address object) const;
  [[nodiscard]] const snapshot::ConcurrentFuture* concurrent_future(Address object) const;
  // Whether an event loop runs on this thread.
  [[nodiscard]] bool runs_loop(const snapshot::Thread& thread) const;
  // The version of a package, or nothing when it is not there.
  [[nodiscard]] std::optional<std::string_view> version(std::string_view package) const;

 private:
  const snapshot::Snapshot& snapshot_;
  snapshot::ByIdentity<snapshot::Thread> threads_;
  snapshot::ByIdentity<snapshot::Task> tasks_;
  snapshot::ByIdentity<snapshot::EventLoop> loops_;
  std::unordered_map<std::uint64_t, const snapshot::Handle*> handles_;
  std::unordered_map<std::uint64_t, const snapshot::WorkItem*> items_;
  snapshot::ByIdentity<snapshot::Executor> executors_;
  std::unordered_map<std::uint64_t, const snapshot::Executor*> item_executors_;
  snapshot::ByIdentity<snapshot::Lock> locks_;
  snapshot::ByIdentity<snapshot::ConcurrentFuture> concurrent_;
};

struct Case {
  const Facts& facts;
  const graph::WaitGraph& graph;
  const std::vector<graph::EdgeIndex>& cycle;  // may be a path, for a cause that is no cycle

  // The parties of one kind, in the cycle's order.
  [[nodiscard]] std::vector<Address> parties(graph::NodeKind kind) const;
  [[nodiscard]] bool has(graph::NodeKind kind) const { return !parties(kind).empty(); }
  // The first thread of the cycle that waits in this way, or null.
  [[nodiscard]] const snapshot::Thread* waiting(snapshot::WaitKind kind) const;
  // The first work item of the cycle that is queued, or null.
  [[nodiscard]] const snapshot::WorkItem* queued_item() const;
  // Whether the cycle leads from an event loop to the thread that runs it.
  [[nodiscard]] bool through_loop_thread() const;
};

// The user's frame nearest to where a thread or task waits; the nearest of any when there is none.
[[nodiscard]] std::optional<snapshot::Frame> user_frame(const snapshot::Thread& thread);
[[nodiscard]] std::optional<snapshot::Frame> user_frame(const snapshot::Task& task);

// The frame of the `with` that holds the lock, in the thread or the suspended coroutine.
[[nodiscard]] std::optional<snapshot::Frame> holding_frame(const Facts& facts,
                                                           const snapshot::Lock& lock);

[[nodiscard]] bool has_landmark(const snapshot::Thread& thread, std::string_view landmark);
[[nodiscard]] bool has_landmark(const snapshot::Task& task, std::string_view landmark);

// "shop/pricing.py:31": the file's last two parts, and the line.
[[nodiscard]] Phrase place_of(const snapshot::Frame& frame);
// "price_cart (shop/pricing.py:31)"
[[nodiscard]] Phrase code_and_place(const snapshot::Frame& frame);
// The function's own name, without the class or function that it is defined in.
[[nodiscard]] Text bare_name(const Text& qualified);

}  // namespace hangspy::diagnosis
