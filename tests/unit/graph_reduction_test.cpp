#include <gtest/gtest.h>

#include <set>
#include <string_view>
#include <vector>

#include "graph_sketch.hpp"
#include "hangspy/wait_graph.hpp"

namespace hangspy::graph {
namespace {

using Bits = std::vector<bool>;

TEST(WaitGraph, MeetsOneObjectInOneNodeUnlessItTakesPartAsAnotherKind) {
  WaitGraph graph;
  const NodeIndex lock = graph.node({NodeKind::kLock, Address{0x10}});
  EXPECT_EQ(graph.node({NodeKind::kLock, Address{0x10}}), lock);
  EXPECT_NE(graph.node({NodeKind::kCondition, Address{0x10}}), lock);
  EXPECT_NE(graph.node({NodeKind::kLock, Address{0x20}}), lock);
  EXPECT_EQ(graph.nodes().size(), 3u);
  EXPECT_EQ(graph.find({NodeKind::kLock, Address{0x10}}), lock);
  EXPECT_EQ(graph.find({NodeKind::kEvent, Address{0x10}}), std::nullopt);
  EXPECT_EQ(graph.at(lock).acts, Acts::kWhenFreed);
  EXPECT_EQ(graph.at(lock).id.object, Address{0x10});
}

// Also those that lie as far from each other as hashes like least.
TEST(WaitGraph, FindsEachOfVeryManyNodesAgain) {
  constexpr std::uint64_t kNodes = 5000;
  for (const std::uint64_t apart : {std::uint64_t{16}, std::uint64_t{1} << 32}) {
    WaitGraph graph;
    if (apart == 16) graph.reserve(kNodes / 3, 0);
    std::vector<NodeIndex> made;
    for (std::uint64_t i = 1; i <= kNodes; ++i) {
      made.push_back(graph.node({NodeKind::kTask, Address{i * apart}}));
      made.push_back(graph.node({NodeKind::kFuture, Address{i * apart}}));
    }
    ASSERT_EQ(graph.nodes().size(), 2 * kNodes);
    for (std::uint64_t i = 1; i <= kNodes; ++i) {
      ASSERT_EQ(graph.find({NodeKind::kTask, Address{i * apart}}), made[2 * i - 2]);
      ASSERT_EQ(graph.node({NodeKind::kFuture, Address{i * apart}}), made[2 * i - 1]);
      ASSERT_EQ(graph.find({NodeKind::kTask, Address{i * apart + 8}}), std::nullopt);
    }
  }
  EXPECT_EQ(WaitGraph().find({NodeKind::kTask, Address{16}}), std::nullopt);
}

TEST(WaitGraph, KeepsWhatAnEdgeWasMadeOf) {
  Sketch sketch;
  const auto nodes = sketch.add_many(3);
  const std::uint32_t group = sketch.graph.new_group(nodes[0]);
  const EdgeIndex first = sketch.graph.need(nodes[0], nodes[1], Relation::kHeldBy,
                                            {"owner field", "futex"}, Grade::kWitness, group);
  const EdgeIndex second = sketch.graph.need(nodes[0], nodes[2], Relation::kServedBy, {});
  const Edge& edge = sketch.graph.edge(first);
  EXPECT_EQ(edge.from, nodes[0]);
  EXPECT_EQ(edge.to, nodes[1]);
  EXPECT_EQ(edge.relation, Relation::kHeldBy);
  EXPECT_EQ(edge.grade, Grade::kWitness);
  EXPECT_EQ(edge.group, group);
  EXPECT_EQ(edge.evidence.words(), (std::vector<std::string>{"owner field", "futex"}));
  EXPECT_NE(sketch.graph.edge(second).group, group);
  EXPECT_EQ(sketch.graph.group_count(nodes[0]), 2u);
  const auto edges = sketch.graph.edges_of(nodes[0]);
  EXPECT_EQ(std::vector(edges.begin(), edges.end()), (std::vector<EdgeIndex>{first, second}));
  EXPECT_TRUE(sketch.graph.edges_of(nodes[1]).empty());
}

TEST(WaitGraph, HasAWordOfItsOwnForEachKindRelationAndGrade) {
  std::set<std::string_view> words;
  for (int kind = 0; kind <= static_cast<int>(NodeKind::kEventLoop); ++kind) {
    words.insert(name_of(static_cast<NodeKind>(kind)));
  }
  EXPECT_EQ(words.size(), 12u);
  for (int relation = 0; relation <= static_cast<int>(Relation::kRunsOn); ++relation) {
    words.insert(name_of(static_cast<Relation>(relation)));
  }
  for (int grade = 0; grade <= static_cast<int>(Grade::kMissing); ++grade) {
    words.insert(name_of(static_cast<Grade>(grade)));
  }
  EXPECT_EQ(words.size(), 21u);
  EXPECT_FALSE(words.contains("unknown"));
}

TEST(Reduction, FreesADiamondFromItsEnd) {
  Sketch sketch;
  const auto nodes = sketch.add_many(3);
  const NodeIndex end = sketch.add(Acts::kAlone);
  sketch.needs(nodes[0], nodes[1]);
  sketch.needs(nodes[0], nodes[2]);
  sketch.needs(nodes[1], end);
  sketch.needs(nodes[2], end);
  EXPECT_EQ(reduce(sketch.graph, {}), Bits({true, true, true, true}));
  sketch.graph.at(end).acts = Acts::kWhenFreed;  // nobody can release it
  EXPECT_EQ(reduce(sketch.graph, {}), Bits({false, false, false, false}));
}

TEST(Reduction, OneOfAGroupIsEnoughAndEveryGroupIsNeeded) {
  Sketch sketch;
  const NodeIndex any = sketch.add();
  const NodeIndex all = sketch.add();
  const NodeIndex moves = sketch.add(Acts::kAlone);
  const NodeIndex never = sketch.add();
  sketch.needs_any(any, {never, moves});
  sketch.needs(all, never);
  sketch.needs(all, moves);
  EXPECT_EQ(reduce(sketch.graph, {}), Bits({true, false, true, false}));
}

TEST(Reduction, TwoEdgesIntoOneGroupSatisfyItOnce) {
  Sketch sketch;
  const NodeIndex waiter = sketch.add();
  const NodeIndex moves = sketch.add(Acts::kAlone);
  const NodeIndex never = sketch.add();
  sketch.needs_any(waiter, {moves, moves});
  sketch.needs(waiter, never);
  EXPECT_EQ(reduce(sketch.graph, {}), Bits({false, true, false}));
}

TEST(Reduction, AnEmptyGroupIsNeverSatisfied) {
  Sketch sketch;
  const NodeIndex of_no_workers = sketch.add();
  const NodeIndex moves = sketch.add(Acts::kAlone);
  sketch.needs_any(of_no_workers, {});
  sketch.needs(of_no_workers, moves);
  EXPECT_EQ(reduce(sketch.graph, {}), Bits({false, true}));
}

TEST(Reduction, AnOpenNodeActsWhateverItNeeds) {
  Sketch sketch;
  const NodeIndex waiter = sketch.add();
  const NodeIndex open = sketch.add(Acts::kOpen);
  const NodeIndex never = sketch.add();
  sketch.needs(waiter, open);
  sketch.needs(open, never);
  EXPECT_EQ(reduce(sketch.graph, {}), Bits({true, true, false}));
}

TEST(Reduction, AnUnreadableNodeActsWhenThatIsAssumed) {
  Sketch sketch;
  const NodeIndex waiter = sketch.add();
  const NodeIndex unreadable = sketch.add(Acts::kUnreadable);
  sketch.needs(waiter, unreadable);
  EXPECT_EQ(reduce(sketch.graph, {.unreadable_acts = true}), Bits({true, true}));
  EXPECT_EQ(reduce(sketch.graph, {.unreadable_acts = false}), Bits({false, false}));
}

TEST(Reduction, ATimerActsWhenTheClockMayAndItsGroupsAllow) {
  Sketch sketch;
  const NodeIndex sleeper = sketch.add();
  const NodeIndex timer = sketch.add(Acts::kAtDeadline);
  const NodeIndex timer_of_loop = sketch.add(Acts::kAtDeadline);
  const NodeIndex loop = sketch.add();
  sketch.needs(sleeper, timer);
  sketch.needs(timer_of_loop, loop);
  EXPECT_EQ(reduce(sketch.graph, {.timers_fire = true}), Bits({true, true, false, false}));
  EXPECT_EQ(reduce(sketch.graph, {.timers_fire = false}), Bits({false, false, false, false}));
  sketch.graph.at(loop).acts = Acts::kAlone;
  EXPECT_EQ(reduce(sketch.graph, {.timers_fire = true}), Bits({true, true, true, true}));
  EXPECT_EQ(reduce(sketch.graph, {.timers_fire = false}), Bits({false, false, false, true}));
}

TEST(Reduction, TakesAChainOfAMillionWaits) {
  constexpr NodeIndex kLength = 1'000'000;
  Sketch sketch;
  for (NodeIndex node = 0; node < kLength; ++node) {
    sketch.add();
    if (node > 0) sketch.needs(node - 1, node);
  }
  const Bits stuck = reduce(sketch.graph, {});
  EXPECT_EQ(stuck, Bits(kLength, false));
  const std::vector<Component> found = causes(sketch.graph, stuck);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].nodes, std::vector<NodeIndex>{kLength - 1});
  EXPECT_EQ(stuck_behind(sketch.graph, found[0], stuck).size(), kLength - 1);

  sketch.needs(kLength - 1, 0);
  const std::vector<Component> ring = causes(sketch.graph, reduce(sketch.graph, {}));
  ASSERT_EQ(ring.size(), 1u);
  EXPECT_EQ(ring[0].nodes.size(), kLength);
  EXPECT_EQ(shortest_cycle(sketch.graph, ring[0], 7).size(), kLength);

  sketch.graph.at(kLength / 2).acts = Acts::kAlone;
  EXPECT_EQ(reduce(sketch.graph, {}), Bits(kLength, true));
}

TEST(Reduction, OfNothingIsNothing) {
  const WaitGraph graph;
  EXPECT_TRUE(reduce(graph, {}).empty());
  EXPECT_TRUE(causes(graph, {}).empty());
}

}  // namespace
}  // namespace hangspy::graph
