#include <gtest/gtest.h>

#include <vector>

#include "graph_sketch.hpp"
#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {
namespace {

using Nodes = std::vector<NodeIndex>;
using Edges = std::vector<EdgeIndex>;

std::vector<Component> causes_of(const Sketch& sketch, const Assume& assume = {}) {
  return causes(sketch.graph, reduce(sketch.graph, assume));
}

TEST(Causes, AreNoneWhereEverythingActs) {
  Sketch sketch;
  const auto nodes = sketch.add_many(2);
  const NodeIndex moves = sketch.add(Acts::kAlone);
  sketch.needs_any(nodes[0], {nodes[1], moves});  // a cycle with a way out
  sketch.needs(nodes[1], nodes[0]);
  EXPECT_TRUE(causes_of(sketch).empty());
}

TEST(Causes, AreTheClosedCycleAndNotWhatIsStuckBehindIt) {
  Sketch sketch;
  const auto nodes = sketch.add_many(6);
  // 0 <-> 1 need 2 <-> 3; 4 needs 0; 5 needs 4.
  sketch.needs(nodes[0], nodes[1]);
  sketch.needs_any(nodes[1], {nodes[0], nodes[2]});
  const EdgeIndex there = sketch.needs(nodes[2], nodes[3]);
  const EdgeIndex back = sketch.needs(nodes[3], nodes[2]);
  sketch.needs(nodes[4], nodes[0]);
  sketch.needs(nodes[5], nodes[4]);
  const auto found = causes_of(sketch);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].nodes, (Nodes{2, 3}));
  EXPECT_TRUE(found[0].is_cycle);
  EXPECT_EQ(found[0].waits, (Edges{there, back}));
  EXPECT_EQ(stuck_behind(sketch.graph, found[0], reduce(sketch.graph, {})), (Nodes{0, 1, 4, 5}));
}

TEST(Causes, AreAlsoWhatNobodyCanRelease) {
  Sketch sketch;
  const NodeIndex waiter = sketch.add();
  const NodeIndex orphan = sketch.add();
  sketch.needs(waiter, orphan);
  const auto found = causes_of(sketch);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].nodes, Nodes{orphan});
  EXPECT_FALSE(found[0].is_cycle);
  EXPECT_TRUE(found[0].waits.empty());
}

TEST(Causes, KnowAWaitForOneselfAsACycle) {
  Sketch sketch;
  const NodeIndex itself = sketch.add();
  const EdgeIndex wait = sketch.needs(itself, itself);
  const auto found = causes_of(sketch);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(found[0].is_cycle);
  EXPECT_EQ(found[0].waits, Edges{wait});
  EXPECT_EQ(shortest_cycle(sketch.graph, found[0], itself), Edges{wait});
}

TEST(Causes, DoNotCountAWaitThatSomeoneCanEnd) {
  Sketch sketch;
  const auto nodes = sketch.add_many(3);
  const NodeIndex moves = sketch.add(Acts::kAlone);
  sketch.needs_any(nodes[0], {nodes[2], moves});  // holds nobody, though 2 is stuck too
  const EdgeIndex there = sketch.needs(nodes[0], nodes[1]);
  sketch.needs_any(nodes[1], {nodes[1], moves});
  const EdgeIndex back = sketch.needs(nodes[1], nodes[0]);
  const auto acts = reduce(sketch.graph, {});
  const auto found = causes(sketch.graph, acts);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].nodes, (Nodes{0, 1}));
  EXPECT_EQ(found[0].waits, (Edges{there, back}));
  EXPECT_EQ(found[1].nodes, Nodes{2});
  EXPECT_EQ(shortest_cycle(sketch.graph, found[0], nodes[1]), (Edges{back, there}));
  EXPECT_TRUE(stuck_behind(sketch.graph, found[1], acts).empty());
}

TEST(Causes, FindTheCycleThatNeedsAnOrphanBesides) {
  Sketch sketch;
  const auto nodes = sketch.add_many(4);
  sketch.needs(nodes[0], nodes[1]);
  sketch.needs(nodes[0], nodes[2]);  // an orphan, in a group of its own
  sketch.needs(nodes[1], nodes[0]);
  sketch.needs(nodes[3], nodes[1]);
  const auto acts = reduce(sketch.graph, {});
  const auto found = causes(sketch.graph, acts);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].nodes, (Nodes{0, 1}));
  EXPECT_TRUE(found[0].is_cycle);
  EXPECT_EQ(found[1].nodes, Nodes{2});
  EXPECT_EQ(stuck_behind(sketch.graph, found[1], acts), (Nodes{0, 1, 3}));
  EXPECT_EQ(stuck_behind(sketch.graph, found[0], acts), Nodes{3});
}

TEST(Causes, FindTheCycleThatATimeoutWillEnd) {
  Sketch sketch;
  const auto nodes = sketch.add_many(2);
  const NodeIndex timer = sketch.add(Acts::kAtDeadline);
  const NodeIndex sleeper = sketch.add();
  sketch.needs_any(nodes[0], {nodes[1], timer});
  sketch.needs(nodes[1], nodes[0]);
  sketch.needs(sleeper, timer);
  EXPECT_TRUE(causes_of(sketch, {.timers_fire = true}).empty());
  const auto found = causes_of(sketch, {.timers_fire = false});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].nodes, (Nodes{0, 1}));
  EXPECT_TRUE(found[0].is_cycle);
  EXPECT_EQ(shortest_cycle(sketch.graph, found[0], nodes[0]).size(), 2u);
  EXPECT_EQ(found[1].nodes, Nodes{timer});  // and the sleeper is not a cause
  EXPECT_FALSE(found[1].is_cycle);
}

TEST(Causes, TakeATimerOfAStuckLoopIntoTheCycle) {
  Sketch sketch;
  const NodeIndex thread = sketch.add();
  const NodeIndex timer = sketch.add(Acts::kAtDeadline);
  sketch.needs_any(thread, {thread, timer});
  sketch.needs(timer, thread);  // its loop runs on that thread
  for (const bool timers_fire : {false, true}) {
    const auto found = causes_of(sketch, {.timers_fire = timers_fire});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].nodes, (Nodes{thread, timer}));
    EXPECT_TRUE(found[0].is_cycle);
  }
}

TEST(Causes, NameTheUnreadableNodeThatMayNotAct) {
  Sketch sketch;
  const NodeIndex waiter = sketch.add();
  const NodeIndex unreadable = sketch.add(Acts::kUnreadable);
  sketch.needs(waiter, unreadable);
  EXPECT_TRUE(causes_of(sketch).empty());
  const auto found = causes_of(sketch, {.unreadable_acts = false});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].nodes, Nodes{unreadable});
}

TEST(Causes, FindEachCycleOfALongChainOfThem) {
  constexpr NodeIndex kDepth = 1000;
  Sketch sketch;
  sketch.add_many(kDepth);
  for (NodeIndex node = 0; node < kDepth; ++node) {
    sketch.needs(node, node);
    if (node > 0) sketch.needs(node, node - 1);
  }
  EXPECT_EQ(causes_of(sketch).size(), kDepth);
}

// Each pass can take but one node off this one: 0 <-> 1 <-> 2 ... <-> 999 -> an orphan.
TEST(Causes, StopAfterABoundedNumberOfPassesAndSayNothingFalse) {
  constexpr NodeIndex kLength = 1000;
  Sketch sketch;
  sketch.add_many(kLength + 1);
  sketch.needs_any(0, {1});
  for (NodeIndex node = 1; node < kLength; ++node) sketch.needs_any(node, {node - 1, node + 1});
  const auto found = causes_of(sketch);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].nodes, Nodes{kLength});
  EXPECT_FALSE(found[0].is_cycle);
}

TEST(Causes, DoNotListTheTimersOfAStuckLoop) {
  Sketch sketch;
  const NodeIndex loop = sketch.add();
  const NodeIndex timer = sketch.add(Acts::kAtDeadline);
  sketch.needs(timer, loop);
  for (const bool timers_fire : {false, true}) {
    const auto found = causes_of(sketch, {.timers_fire = timers_fire});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].nodes, Nodes{loop});
  }
}

TEST(ShortestCycle, TakesTheShortestAndOfEquallyShortOnesTheSmallestEdges) {
  Sketch sketch;
  const auto nodes = sketch.add_many(5);
  const EdgeIndex long_way = sketch.needs(nodes[0], nodes[1]);
  sketch.needs(nodes[1], nodes[2]);
  const EdgeIndex last_of_right = sketch.needs(nodes[4], nodes[0]);
  const EdgeIndex last_of_left = sketch.needs(nodes[3], nodes[0]);
  const EdgeIndex left = sketch.needs(nodes[0], nodes[3]);
  const EdgeIndex right = sketch.needs(nodes[0], nodes[4]);
  const EdgeIndex again = sketch.needs(nodes[0], nodes[3]);
  const EdgeIndex in = sketch.needs(nodes[2], nodes[0]);
  const auto found = causes_of(sketch);
  ASSERT_EQ(found.size(), 1u);
  const Component& all = found[0];
  EXPECT_EQ(shortest_cycle(sketch.graph, all, nodes[0]), (Edges{left, last_of_left}));
  EXPECT_EQ(shortest_cycle(sketch.graph, all, nodes[4]), (Edges{last_of_right, right}));
  EXPECT_EQ(shortest_cycle(sketch.graph, all, nodes[2]), (Edges{in, long_way, 1}));
  EXPECT_LT(left, again);
}

TEST(ShortestCycle, OrdersPathsByTheirEdgesNotByTheirNodes) {
  Sketch sketch;
  const auto nodes = sketch.add_many(4);
  // 0 -> 2 has a smaller edge than 0 -> 1, and both lead to 3.
  const EdgeIndex best = sketch.needs(nodes[0], nodes[2]);
  sketch.needs(nodes[0], nodes[1]);
  sketch.needs(nodes[1], nodes[3]);
  const EdgeIndex next = sketch.needs(nodes[2], nodes[3]);
  const EdgeIndex last = sketch.needs(nodes[3], nodes[0]);
  const auto found = causes_of(sketch);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(shortest_cycle(sketch.graph, found[0], nodes[0]), (Edges{best, next, last}));
}

TEST(ShortestCycle, IsEmptyWhereNoneGoesThroughTheStart) {
  Sketch sketch;
  const auto nodes = sketch.add_many(3);
  sketch.needs(nodes[0], nodes[1]);
  sketch.needs(nodes[1], nodes[0]);
  sketch.needs(nodes[2], nodes[0]);
  const auto found = causes_of(sketch);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_TRUE(shortest_cycle(sketch.graph, found[0], nodes[2]).empty());
  EXPECT_TRUE(shortest_cycle(sketch.graph, {}, nodes[0]).empty());
}

TEST(StuckBehind, IsWhatCanReachTheComponentByWaitsThatHold) {
  Sketch sketch;
  const auto nodes = sketch.add_many(6);
  const NodeIndex moves = sketch.add(Acts::kAlone);
  sketch.needs(nodes[0], nodes[0]);
  sketch.needs(nodes[1], nodes[1]);
  sketch.needs_any(nodes[2], {nodes[0], nodes[1]});  // behind both
  sketch.needs(nodes[3], nodes[2]);
  sketch.needs_any(nodes[4], {nodes[3], moves});  // acts
  sketch.needs_any(nodes[5], {nodes[0], moves});  // stuck, but not for this
  sketch.needs(nodes[5], nodes[1]);
  const auto acts = reduce(sketch.graph, {});
  const auto found = causes(sketch.graph, acts);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(stuck_behind(sketch.graph, found[0], acts), (Nodes{2, 3}));
  EXPECT_EQ(stuck_behind(sketch.graph, found[1], acts), (Nodes{2, 3, 5}));
}

}  // namespace
}  // namespace hangspy::graph
