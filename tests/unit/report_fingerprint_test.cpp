// One bug, one fingerprint: whatever the pids, the addresses, the lines and the place of install.
#include <gmock/gmock.h>

#include <set>

#include "report/fingerprint.hpp"
#include "report_sample.hpp"

namespace hangspy::report {
namespace {

using snapshot::Snapshot;

std::string fingerprint_of(const Snapshot& snapshot) {
  return fingerprint(snapshot, diagnosis::diagnose(snapshot));
}

template <class Change>
std::string fingerprint_after(const std::string& name, Change change) {
  auto snapshot = snapshot_file::read(name);
  change(snapshot);
  return fingerprint_of(snapshot);
}

const std::vector<std::string>& deadlocks() {
  static const std::vector<std::string> names = {"stacked",        "bridge",    "limit",
                                                 "on_loop",        "event",     "lock_abba",
                                                 "pool_exhausted", "task_cycle"};
  return names;
}

TEST(Fingerprint, LooksLikeOne) {
  for (const auto& name : deadlocks()) {
    EXPECT_THAT(fingerprint_of(snapshot_file::read(name)),
                testing::MatchesRegex("wc1:[0-9a-f]{8}"));
  }
  EXPECT_EQ(fingerprint_of(snapshot_file::read("idle")), "");
}

TEST(Fingerprint, IsTheSameInAnotherProcess) {
  for (const auto& name : deadlocks()) {
    const auto moved = fingerprint_after(name, [](Snapshot& snapshot) {
      snapshot.pid += 1'000;
      for (auto& thread : snapshot.threads) thread.tid += 1'000;
      change_every<Address>(snapshot, [](Address& at) {
        if (at) at.value += 0x7f00'0000'0000;
      });
      change_every<snapshot::Place>(snapshot, [](snapshot::Place& place) { place.line += 7; });
    });
    EXPECT_EQ(moved, fingerprint_of(snapshot_file::read(name))) << name;
  }
}

TEST(Fingerprint, IsTheSameWhereverTheCodeIsInstalled) {
  for (const auto& name : deadlocks()) {
    const auto moved = fingerprint_after(name, [](Snapshot& snapshot) {
      change_every<snapshot::Place>(snapshot, [](snapshot::Place& place) {
        place.file = Text::of_target("/home/other" + std::string(place.file.bytes()));
      });
    });
    EXPECT_EQ(moved, fingerprint_of(snapshot_file::read(name))) << name;
  }
}

TEST(Fingerprint, IsTheSameWhereTheCycleIsToldFromAnotherStart) {
  const auto turned = fingerprint_after(
      "lock_abba", [](Snapshot& snapshot) { std::swap(snapshot.threads[1], snapshot.threads[2]); });
  EXPECT_EQ(turned, fingerprint_of(snapshot_file::read("lock_abba")));
}

TEST(Fingerprint, IsAnotherForAnotherFunction) {
  const auto other = fingerprint_after("stacked", [](Snapshot& snapshot) {
    change_every<snapshot::Place>(snapshot, [](snapshot::Place& place) {
      if (place.function.bytes() == "price_cart") place.function = Text::of_target("price_order");
    });
  });
  EXPECT_NE(other, fingerprint_of(snapshot_file::read("stacked")));
}

TEST(Fingerprint, IsAnotherForAnotherBug) {
  std::set<std::string> different;
  for (const auto& name : deadlocks()) different.insert(fingerprint_of(snapshot_file::read(name)));
  EXPECT_EQ(different.size(), deadlocks().size());
}

}  // namespace
}  // namespace hangspy::report
