// What bytes of several moments are good for, and which pages are taken to move.
#include "session/motion.hpp"

#include <gtest/gtest.h>

namespace hangspy::session {
namespace {

using diagnosis::Diagnosis;
using diagnosis::Verdict;

TEST(Hottest, AreThosePagesThatWereSeenMostOften) {
  const std::vector<Address> seen{{0x1000}, {0x2000}, {0x3000}, {0x2000}, {0x3000}, {0x2000}};
  EXPECT_EQ(hottest(seen, 9), (std::vector<Address>{{0x2000}, {0x3000}, {0x1000}}));
  EXPECT_EQ(hottest(seen, 2), (std::vector<Address>{{0x2000}, {0x3000}}));
  EXPECT_TRUE(hottest(seen, 0).empty());
  EXPECT_TRUE(hottest({}, 9).empty());
}

TEST(BorrowedBytes, CarryNoFindingAndNoVerdictThatSomethingIsMissing) {
  const auto stands = [](Verdict verdict) {
    Diagnosis diagnosis;
    diagnosis.verdict = verdict;
    return may_stand_on_borrowed(diagnosis);
  };
  EXPECT_TRUE(stands(Verdict::kHealthy));
  EXPECT_TRUE(stands(Verdict::kSlow));
  for (const auto each :
       {Verdict::kDeadlock, Verdict::kOrphanWait, Verdict::kBlockedLoop, Verdict::kInconclusive}) {
    EXPECT_FALSE(stands(each));
  }
}

TEST(TornBytes, MakeNoSenseButNeverEndAProcess) {
  for (const auto each : {Failure::kImplausible, Failure::kUnmapped, Failure::kLimit}) {
    EXPECT_TRUE(may_be_torn(each));
  }
  for (const auto each : {Failure::kGone, Failure::kPermission, Failure::kSupervisor}) {
    EXPECT_FALSE(may_be_torn(each));
  }
}

}  // namespace
}  // namespace hangspy::session
