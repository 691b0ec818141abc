// What the mutation test takes for a proof in a spoilt image: see docs/design.md, "Hostile input".
#include <gtest/gtest.h>

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

TEST(ProofInASpoiltImage, IsNotNewWhereTheImageHasIt) {
  const Stacked stacked;
  EXPECT_FALSE(is_new_proof(stacked.whole.diagnosis, stacked.spoilt.diagnosis));
  EXPECT_EQ(doubt_in(*stacked.image, stacked.whole, stacked.spoilt), "");
}

// The image has the cycle in memory, but its graph is said to have no edge at all.
TEST(ProofInASpoiltImage, StandsWhenMemoryLeadsFromEachEndToTheOther) {
  Stacked stacked;
  stacked.whole.diagnosis = {};
  EXPECT_TRUE(is_new_proof(stacked.whole.diagnosis, stacked.spoilt.diagnosis));
  EXPECT_EQ(doubt_in(*stacked.image, stacked.whole, stacked.spoilt), "");
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
