// What the mutation test takes for a proof in a spoilt image: see docs/design.md, "Hostile input".
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "edge_in_memory.hpp"
#include "mutation.hpp"
#include "proof.hpp"

namespace hangspy::fuzz {
namespace {

struct Stacked {
  std::unique_ptr<images::Image> image =
      images::Image::load(HANGSPY_IMAGES "/3.12-stacked.image").value();
  images::Reading whole = image->diagnose().value();
  images::Reading spoilt = whole;
};

struct Recorded {
  std::string name;
  std::unique_ptr<images::Image> image;
  images::Reading reading;
};

std::vector<Recorded> all_recorded() {
  std::vector<Recorded> all;
  for (const auto& path : images::all(HANGSPY_IMAGES)) {
    auto image = images::Image::load(path).value();
    auto reading = image->diagnose().value();
    all.push_back({path.stem(), std::move(image), std::move(reading)});
  }
  return all;
}

TEST(ProofInASpoiltImage, IsNotNewWhereTheImageHasIt) {
  const Stacked stacked;
  EXPECT_FALSE(is_new_proof(stacked.whole.diagnosis, stacked.spoilt.diagnosis));
  EXPECT_EQ(doubt_in(*stacked.image, stacked.whole, stacked.spoilt), "");
}

// Each image has its cycle in memory, but its graph is said to have no edge at all.
TEST(ProofInASpoiltImage, StandsInEveryImageThatIsProven) {
  std::size_t proven = 0;
  for (const auto& [name, image, reading] : all_recorded()) {
    if (!is_new_proof({}, reading.diagnosis)) continue;
    ++proven;
    EXPECT_EQ(doubt_in(*image, {}, reading), "") << name;
  }
  EXPECT_GE(proven, 13U);
}

TEST(ProofInASpoiltImage, IsDoubtedWhenATaskIsSaidToWaitForAnother) {
  Stacked stacked;
  auto& [snapshot, diagnosis] = stacked.spoilt;
  const auto task = snapshot.tasks.front().object;
  const auto from = diagnosis.graph.node({graph::NodeKind::kTask, task});
  diagnosis.cycle = {diagnosis.graph.need(from, from, graph::Relation::kWaitsFor, {})};
  EXPECT_TRUE(is_new_proof(stacked.whole.diagnosis, diagnosis));
  EXPECT_NE(doubt_in(*stacked.image, stacked.whole, stacked.spoilt), "");
}

TEST(ProofInASpoiltImage, IsDoubtedWhenNothingLeadsFromOneEndToTheOther) {
  Stacked stacked;
  auto& diagnosis = stacked.spoilt.diagnosis;
  const auto lock = diagnosis.graph.node({graph::NodeKind::kLock, Address{0x123450}});
  const auto thread = diagnosis.graph.node(
      {graph::NodeKind::kThread, stacked.whole.snapshot.threads.front().state});
  diagnosis.cycle = {diagnosis.graph.need(lock, thread, graph::Relation::kHeldBy, {})};
  EXPECT_NE(doubt_in(*stacked.image, stacked.whole, stacked.spoilt), "");
}

using Link = std::tuple<graph::NodeId, graph::NodeId, graph::Relation>;
using Kinds = std::tuple<graph::NodeKind, graph::NodeKind, graph::Relation>;

std::string to_string(const Kinds& kinds) {
  const auto& [from, to, relation] = kinds;
  return std::string(name_of(from)) + " " + std::string(name_of(relation)) + " " +
         std::string(name_of(to));
}

Kinds kinds_of(const Link& link) {
  const auto& [from, to, relation] = link;
  return {from.kind, to.kind, relation};
}

// The edges of the graph that were read from memory; a witness is none.
std::set<Link> links_of(const graph::WaitGraph& graph) {
  std::set<Link> links;
  for (const auto& edge : graph.edges()) {
    if (edge.grade != graph::Grade::kSeen) continue;
    links.emplace(graph.at(edge.from).id, graph.at(edge.to).id, edge.relation);
  }
  return links;
}

bool is_there(const Recorded& recorded, const Link& link) {
  const auto& [from, to, relation] = link;
  return is_in_memory(*recorded.image, recorded.reading.diagnosis.graph, from, to, relation);
}

TEST(EdgeOfAProof, IsInMemoryWhereverARecordedImageHasOne) {
  for (const auto& each : all_recorded()) {
    for (const auto& link : links_of(each.reading.diagnosis.graph)) {
      EXPECT_TRUE(is_there(each, link))
          << each.name << ": " << to_string(kinds_of(link)) << ", "
          << to_hex(std::get<0>(link).object) << " to " << to_hex(std::get<1>(link).object);
    }
  }
}

struct Taken {
  std::size_t pairs = 0;
  std::size_t taken = 0;
  [[nodiscard]] double percent() const {
    return 100. * static_cast<double>(taken) / static_cast<double>(pairs);
  }
};

// All pairs of objects of an image that are of these kinds, and no such edge of its graph.
void take(const Recorded& recorded, const Kinds& kinds, Taken& all) {
  const auto& graph = recorded.reading.diagnosis.graph;
  const auto links = links_of(graph);
  for (const auto& from : graph.nodes()) {
    for (const auto& to : graph.nodes()) {
      const Link link{from.id, to.id, std::get<2>(kinds)};
      if (from.id == to.id || kinds_of(link) != kinds || links.contains(link)) continue;
      ++all.pairs;
      if (is_there(recorded, link)) ++all.taken;
    }
  }
}

std::map<Kinds, Taken> taken_in(const std::vector<Recorded>& all) {
  std::map<Kinds, Taken> taken;
  for (const auto& each : all) {
    for (const auto& link : links_of(each.reading.diagnosis.graph)) taken[kinds_of(link)];
  }
  for (auto& [kinds, of_these] : taken) {
    for (const auto& each : all) take(each, kinds, of_these);
  }
  return taken;
}

// Or else it could not tell a wrong proof from a right one. Of kinds with few pairs only the sum
// says anything: a task that runs, say, has the field of one that waits for its loop.
TEST(EdgeOfAProof, IsNotInMemoryBetweenObjectsThatARecordedImageDoesNotLink) {
  constexpr std::size_t kFew = 20;
  Taken sum;
  for (const auto& [kinds, taken] : taken_in(all_recorded())) {
    sum.pairs += taken.pairs;
    sum.taken += taken.taken;
    if (taken.pairs < kFew) continue;
    EXPECT_LE(taken.percent(), 1.) << to_string(kinds) << " was taken for an edge in "
                                   << taken.taken << " of " << taken.pairs << " pairs";
  }
  EXPECT_GT(sum.pairs, 5'000U);
  EXPECT_LE(sum.percent(), 0.5) << "taken for an edge: " << sum.taken << " of " << sum.pairs;
}

TEST(SpoiltImage, IsWholeAgainAfterwards) {
  Stacked stacked;
  const Places places(*stacked.image);
  const auto mutation = places.choose(Kind::kPointer, 4, 0);  // a null pointer
  {
    const Spoilt spoilt(*stacked.image, {mutation, mutation});
    EXPECT_EQ(memory::read_as<std::uint64_t>(*stacked.image, mutation.at).value(), 0U);
  }
  EXPECT_EQ(stacked.image->diagnose()->snapshot, stacked.whole.snapshot);
}

}  // namespace
}  // namespace hangspy::fuzz
