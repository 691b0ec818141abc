// The wait-for graph: who waits for what, and what was read to know it.
//
// A node acts when it can ever do something again. What it needs is written in its groups of
// edges: every group must hold one edge whose end can act. So "a gather needs all its children"
// is one group a child, and "any worker of the pool will do" is one group for all workers.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "hangspy/result.hpp"
#include "hangspy/shared.hpp"

namespace hangspy::graph {

enum class NodeKind : std::uint8_t {
  kThread,
  kTask,
  kHandle,
  kWorkItem,
  kFuture,
  kConcurrentFuture,
  kLock,
  kCondition,
  kEvent,
  kQueue,
  kExecutor,
  kEventLoop,
};
[[nodiscard]] std::string_view name_of(NodeKind kind);  // "thread", "work item" ...

// The identity of an object in the target, under the kind as which it takes part.
struct NodeId {
  NodeKind kind = NodeKind::kThread;
  Address object;
  auto operator<=>(const NodeId&) const = default;
};

enum class Acts : std::uint8_t {
  kWhenFreed,   // when its groups allow it; with no group at all: never, nobody can release it
  kAlone,       // it runs, or the outside world or an idle server moves it
  kOpen,        // anyone who holds it may release it; taken as releasable, never part of a proof
  kAtDeadline,  // a timer: when the clock gets there, and its groups allow it
  kUnreadable,  // what it needs could not be read
};

enum class Relation : std::uint8_t {
  kWaitsFor,
  kHeldBy,
  kCompletedBy,
  kServedBy,
  kQueuedBehind,
  kRunsOn,
};
[[nodiscard]] std::string_view name_of(Relation relation);  // "waits_for" ...

enum class Grade : std::uint8_t { kSeen, kWitness, kMissing };
[[nodiscard]] std::string_view name_of(Grade grade);

using NodeIndex = std::uint32_t;
using EdgeIndex = std::uint32_t;
constexpr EdgeIndex kNoEdge = std::numeric_limits<EdgeIndex>::max();

struct Node {
  NodeId id;
  Acts acts = Acts::kWhenFreed;
  bool demanded = false;  // somebody is owed an answer: a request, a running work item, a join ...
  std::optional<double> deadline_seconds;  // kAtDeadline: from the read on; from a core: loop time
  Shared<std::string> why;  // for kAlone, kOpen, kUnreadable: what was read to say so

  [[nodiscard]] std::string_view reason() const {
    return why.get() == nullptr ? std::string_view() : std::string_view(*why.get());
  }
};

// What was read to know of an edge, in our own words: "fut_waiter", "open with block".
class Evidence {
 public:
  Evidence(std::initializer_list<std::string> words)  // NOLINT(google-explicit-constructor)
      : Evidence(std::vector<std::string>(words)) {}
  Evidence(std::vector<std::string> words)  // NOLINT(google-explicit-constructor)
      : words_(std::move(words)) {}

  [[nodiscard]] const std::vector<std::string>& words() const { return *words_.get(); }

 private:
  Shared<std::vector<std::string>> words_;
};

struct Edge {
  NodeIndex from = 0;
  NodeIndex to = 0;
  Relation relation = Relation::kWaitsFor;
  Grade grade = Grade::kSeen;
  std::uint32_t group = 0;  // of `from`
  Evidence evidence;
};

// The edges of one node in the order in which they were added.
class EdgesOf {
 public:
  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = EdgeIndex;
    using difference_type = std::ptrdiff_t;
    using pointer = const EdgeIndex*;
    using reference = EdgeIndex;

    Iterator() = default;
    Iterator(EdgeIndex at, const std::vector<EdgeIndex>* next) : at_(at), next_(next) {}
    EdgeIndex operator*() const { return at_; }
    Iterator& operator++() {
      at_ = (*next_)[at_];
      return *this;
    }
    Iterator operator++(int) {
      const auto before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return at_ == other.at_; }

   private:
    EdgeIndex at_ = kNoEdge;
    const std::vector<EdgeIndex>* next_ = nullptr;
  };

  EdgesOf(EdgeIndex first, const std::vector<EdgeIndex>& next) : first_(first), next_(&next) {}
  [[nodiscard]] Iterator begin() const { return {first_, next_}; }
  [[nodiscard]] Iterator end() const { return {kNoEdge, next_}; }
  [[nodiscard]] bool empty() const { return first_ == kNoEdge; }

 private:
  EdgeIndex first_;
  const std::vector<EdgeIndex>* next_;
};

class WaitGraph {
 public:
  // The node with this identity, made as kWhenFreed when it is new.
  NodeIndex node(NodeId id);
  [[nodiscard]] std::optional<NodeIndex> find(NodeId id) const;

  // A new group of `from`, for edges of which one suffices.
  std::uint32_t new_group(NodeIndex from);
  // `from` needs `to` (in a group of its own, unless one is named).
  EdgeIndex need(NodeIndex from, NodeIndex to, Relation relation, Evidence evidence,
                 Grade grade = Grade::kSeen, std::optional<std::uint32_t> group = std::nullopt);
  // Room for so many of each.
  void reserve(std::size_t nodes, std::size_t edges);

  [[nodiscard]] Node& at(NodeIndex index) { return nodes_[index]; }
  [[nodiscard]] const Node& at(NodeIndex index) const { return nodes_[index]; }
  [[nodiscard]] const Edge& edge(EdgeIndex index) const { return edges_[index]; }
  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const std::vector<Edge>& edges() const { return edges_; }
  [[nodiscard]] EdgesOf edges_of(NodeIndex from) const { return {out_[from].first, next_}; }
  [[nodiscard]] std::uint32_t group_count(NodeIndex from) const { return out_[from].groups; }

 private:
  [[nodiscard]] std::size_t place_of(NodeId id) const;
  void make_places(std::size_t nodes);

  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
  // By node. There may be very many with few edges each, so these are a list in next_.
  struct Out {
    EdgeIndex first = kNoEdge;
    EdgeIndex last = kNoEdge;
    std::uint32_t groups = 0;
  };
  std::vector<Out> out_;
  std::vector<EdgeIndex> next_;  // by edge: the next one of the same node
  // The nodes by identity: each in the first free place from that of its hash on. A power of two
  // many, of which at least half are free.
  std::vector<NodeIndex> places_;
};

struct Assume {
  bool timers_fire = true;      // kAtDeadline nodes act when their groups allow it
  bool unreadable_acts = true;  // kUnreadable nodes act
};
// Graph reduction (Holt 1972), iterated to the fixed point without recursion, in time linear in
// the edges. The result says for each node whether it can ever act again.
[[nodiscard]] std::vector<bool> reduce(const WaitGraph& graph, const Assume& assume);

// A cause: a closed strongly connected component of what is stuck, as large as it can be. Closed:
// it stays stuck whatever becomes of the rest, for each of its nodes has a group that ends wholly
// inside it. Only such groups count: one in which some end acts holds nobody, and one that also
// leads elsewhere is not a reason of this cause. So two tasks that wait for each other are a cause
// also when one of them needs an orphan besides; and the orphan is another.
//
// Where the timers may not fire (Assume), a timer is no way out of a component: that two threads
// wait for each other is the finding, that one of them has a timeout is its deadline.
struct Component {
  std::vector<NodeIndex> nodes;  // sorted
  bool is_cycle = false;         // false: one node that nobody, or only the clock, can release
  std::vector<EdgeIndex> waits;  // sorted: the edges inside it, of the groups that count
};
// The causes among the nodes for which `acts` is false, in the order of their smallest node.
[[nodiscard]] std::vector<Component> causes(const WaitGraph& graph, const std::vector<bool>& acts);

// A shortest cycle of `component`'s waits through `start`, edge by edge, each ending where the next
// begins. Of equally short ones the one with the smallest edge indices. Empty when there is none.
[[nodiscard]] std::vector<EdgeIndex> shortest_cycle(const WaitGraph& graph,
                                                    const Component& component, NodeIndex start);

// The stuck nodes outside `component` that a path of edges leads from into it, by edges that hold
// the node where they begin. Sorted.
[[nodiscard]] std::vector<NodeIndex> stuck_behind(const WaitGraph& graph,
                                                  const Component& component,
                                                  const std::vector<bool>& acts);

}  // namespace hangspy::graph
