// The report for people, whole: golden files, and what holds for every report.
// HANGSPY_WRITE_GOLDEN=1 writes the golden files again; look at the difference before it is kept.
#include <gmock/gmock.h>

#include <cstdlib>

#include "report_sample.hpp"

namespace hangspy::report {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Not;

std::filesystem::path golden(const std::string& name) {
  return std::filesystem::path(HANGSPY_TESTS) / "golden" / (name + ".txt");
}

void expect_golden(const std::string& name, const std::string& text) {
  if (std::getenv("HANGSPY_WRITE_GOLDEN") != nullptr) std::ofstream(golden(name)) << text;
  EXPECT_EQ(text, contents_of(golden(name)));
}

class GoldenText : public testing::TestWithParam<const char*> {};

TEST_P(GoldenText, IsAsItWas) {
  expect_golden(GetParam(), Sample(GetParam()).text());
}

INSTANTIATE_TEST_SUITE_P(Reports, GoldenText,
                         testing::Values("stacked", "limit", "event", "nested_wait_for",
                                         "nested_wait_for_core", "lock_across_bridge",
                                         "pool_exhausted", "orphan", "idle", "slow_query",
                                         "blocked_loop", "native_futex"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(ReportText, IsAsItWasInAsciiAndInAll) {
  expect_golden("stacked_ascii", Sample("stacked").text({.ascii = true}));
  expect_golden("stacked_all", Sample("stacked").text({.all = true}));
}

// A ring of `count` threads, each with a lock that the one before waits for.
snapshot::Snapshot lock_ring(std::size_t count) {
  auto snapshot = snapshot_file::read("lock_self");
  const auto thread = snapshot.threads.back();
  const auto lock = snapshot.locks.back();
  snapshot.threads.pop_back();
  snapshot.locks.clear();
  for (std::size_t i = 0; i < count; ++i) {
    auto& waiter = snapshot.threads.emplace_back(thread);
    waiter.state.value = 0x10'000 + i;
    waiter.tid += static_cast<std::int32_t>(i);
    waiter.wait.object.value = 0x20'000 + (i + 1) % count;
    auto& held = snapshot.locks.emplace_back(lock);
    held.object.value = 0x20'000 + i;
    held.holder = waiter.state;
  }
  return snapshot;
}

void expect_one_screen(const Sample& sample, const Options& options = {}) {
  const auto lines = lines_of(sample.text(options));
  EXPECT_LE(lines.size(), 40U) << sample.text(options);
  for (const auto& line : lines) EXPECT_LE(display_width(line), 96U) << line;
}

TEST(ReportText, OfEveryCaseFitsOnOneScreen) {
  for (const auto& name : snapshot_file::all()) {
    SCOPED_TRACE(name);
    expect_one_screen(Sample(name));
    expect_one_screen(Sample(name), {.ascii = true});
  }
}

TEST(ReportText, OfALongCycleFitsOnOneScreenAndStillCloses) {
  const Sample ring(lock_ring(30));
  ASSERT_EQ(ring.diagnosis.participants.size(), 60U);
  expect_one_screen(ring);
  EXPECT_THAT(ring.text(), testing::ContainsRegex("  │   … [0-9]+ more waits .--all shows them"));
  EXPECT_THAT(ring.text({.ascii = true}), HasSubstr("  |   ... "));
  EXPECT_THAT(ring.text(), HasSubstr("╰── L30"));
  EXPECT_THAT(ring.text({.all = true}), Not(HasSubstr("more waits (--all")));
}

std::size_t waits_told(const std::string& text) {
  std::size_t count = 0;
  for (const auto& line : lines_of(text)) {
    count += line.starts_with("  ╭─▶ ") || line.starts_with("  ╰── ") ||
                     line.starts_with("  │   T") || line.starts_with("  │   L")
                 ? 1
                 : 0;
  }
  return count;
}

TEST(ReportText, CountsTheWaitsThatItFolds) {
  const auto text = Sample(lock_ring(30)).text();
  const auto fold = text.find("… ") + std::string("… ").size();
  EXPECT_EQ(waits_told(text) + std::stoul(text.substr(fold)), 60U) << text;
}

TEST(ReportText, DropsFramesOfLibrariesBeforeWaits) {
  auto snapshot = lock_ring(4);
  EXPECT_THAT(Sample(snapshot).text(), HasSubstr("shop/"));
  change_every<snapshot::Place>(
      snapshot, [](snapshot::Place& place) { place.origin = snapshot::Origin::kSitePackages; });
  const Sample short_one(snapshot);
  EXPECT_THAT(short_one.text(), HasSubstr("(library code)"));
  for (int i = 0; i < 4; ++i) snapshot.missing.push_back(std::string(120, 'm') + " " + "word");
  const auto text = Sample(snapshot).text();
  EXPECT_THAT(text, Not(HasSubstr("(library code)")));
  EXPECT_EQ(waits_told(text), 8U) << text;
}

TEST(ReportText, WithManySentencesAboutWhatIsMissingFitsOnOneScreen) {
  auto snapshot = lock_ring(30);
  for (int i = 0; i < 200; ++i) {
    snapshot.missing.push_back("something that could not be read at all, number " +
                               std::to_string(i));
  }
  expect_one_screen(Sample(snapshot));
}

TEST(ReportText, WithWordsAndPlacesOfAnyLengthFitsOnOneScreen) {
  for (const auto& name : snapshot_file::all()) {
    SCOPED_TRACE(name);
    auto snapshot = snapshot_file::read(name);
    change_every<Text>(snapshot, [](Text& text) { text = Text::of_target(std::string(400, 'w')); });
    change_every<snapshot::Place>(snapshot, [](snapshot::Place& place) {
      place.origin = snapshot::Origin::kSitePackages;
      place.line = 2'147'483'647;
    });
    for (int i = 0; i < 9; ++i) snapshot.missing.push_back(std::string(600, 'm'));
    expect_one_screen(Sample(snapshot));
    snapshot.missing.front() = [] {
      std::string words;
      for (int i = 0; i < 1'000; ++i) words += "word ";
      return words;
    }();
    expect_one_screen(Sample(snapshot));
  }
}

snapshot::Snapshot with_evidence(const std::string& name, const std::string& words) {
  auto snapshot = snapshot_file::read(name);
  for (auto& completion : snapshot.completions) completion.evidence = words;
  for (auto& lock : snapshot.locks) lock.evidence = words;
  for (auto& thread : snapshot.threads) thread.wait.evidence = {words, "futex"};
  return snapshot;
}

TEST(ReportText, WithEvidenceOfAnyLengthFitsOnOneScreen) {
  const auto words = "begins " + std::string(89, 'x') + " more " + std::string(400, 'y') + " ends";
  for (const auto& name : snapshot_file::all()) {
    SCOPED_TRACE(name);
    expect_one_screen(Sample(with_evidence(name, words)));
  }
}

TEST(ReportText, WrapsEvidenceThatIsWiderThanALine) {
  const auto words = "begins " + std::string(72, 'x') + " and ends";
  const auto text = Sample(with_evidence("lock_across_bridge", words)).text();
  EXPECT_THAT(text, HasSubstr(" [seen: begins " + std::string(72, 'x') + "\n"));
  EXPECT_THAT(text, HasSubstr(" and ends, futex]\n"));
}

TEST(ReportText, InAsciiIsOnlyAscii) {
  for (const auto& name : snapshot_file::all()) {
    auto snapshot = snapshot_file::read(name);
    change_every<Text>(snapshot, [](Text& text) { text = Text::of_target("Größe 列 → …"); });
    for (const bool all : {false, true}) {
      const auto text = Sample(snapshot).text({.ascii = true, .all = all});
      EXPECT_THAT(text, Each(testing::AllOf(testing::Gt('\0'), testing::Lt('\x7f')))) << name;
    }
  }
}

// Such as the path of a file in what is missing.
TEST(ReportText, InAsciiWordsOfOurOwnAreOnlyAsciiToo) {
  for (const auto& name : snapshot_file::all()) {
    auto snapshot = with_evidence(name, "Größe");
    snapshot.runtime.packages.push_back({"Größe", {}});
    snapshot.missing.emplace_back("/srv/Größe/x.so");
    const auto text = Sample(snapshot).text({.ascii = true});
    EXPECT_THAT(text, HasSubstr("/srv/Gr\\u{f6}\\u{df}e/x.so")) << name;
    EXPECT_THAT(text, Each(testing::AllOf(testing::Gt('\0'), testing::Lt('\x7f')))) << name;
  }
}

TEST(ReportText, HasNoEscapesUnlessColoured) {
  EXPECT_THAT(Sample("stacked").text(), Not(HasSubstr("\x1b")));
  EXPECT_THAT(Sample("stacked").text({.colour = true}), HasSubstr("\x1b[1;31mDEADLOCK\x1b[0m"));
  EXPECT_THAT(Sample("stacked").text({.colour = true}),
              HasSubstr("\x1b[2m[seen: frame, futex]\x1b[0m\n"));
}

void expect_only_colours_differ(const Sample& sample) {
  auto text = sample.text({.colour = true});
  for (std::size_t at = 0; (at = text.find('\x1b', at)) != std::string::npos;) {
    text.erase(at, text.find('m', at) + 1 - at);
  }
  EXPECT_EQ(text, sample.text());
}

TEST(ReportText, ColouredIsTheSameTextWithoutItsColours) {
  for (const auto& name : snapshot_file::all()) {
    SCOPED_TRACE(name);
    expect_only_colours_differ(Sample(name));
    expect_only_colours_differ(Sample(with_evidence(name, std::string(89, 'x') + " and ends")));
  }
}

TEST(ReportText, ClaimsOfThreeSamplesOnlyThatTheLastTwoAgree) {
  Sample sample("stacked");
  sample.account.samples.emplace_back();
  const auto text = sample.text();
  EXPECT_THAT(text, HasSubstr("read 3 times, 250 ms apart, the last two identical; nobody"));
  EXPECT_THAT(text, HasSubstr("ran between"));
  sample.account.samples.resize(1);
  EXPECT_THAT(sample.text(), HasSubstr("read once; worker not paused"));
}

TEST(ReportText, SpeaksOfACycleOnlyWhereThereIsOne) {
  EXPECT_THAT(Sample("orphan").text(), Not(HasSubstr("cycle")));
  EXPECT_THAT(Sample("blocked_loop").text(), Not(HasSubstr("cycle")));
}

TEST(ReportText, HasNoTwoBlankLinesInARow) {
  for (const auto& name : snapshot_file::all()) {
    EXPECT_THAT(Sample(name).text(), Not(HasSubstr("\n\n\n"))) << name;
  }
}

TEST(ReportText, WithAllShowsWholePathsAndWhatIsParked) {
  EXPECT_THAT(Sample("stacked").text({.all = true}),
              HasSubstr("│         /srv/shop/pricing.py:31  price_cart"));
  EXPECT_THAT(Sample("orphan_parked").text({.all = true}),
              HasSubstr("parked: stuck, but nobody is owed an answer, so no finding\n"));
  EXPECT_THAT(Sample("orphan_parked").text(), Not(HasSubstr("parked")));
}

TEST(ReportText, IsTheSameEveryTime) {
  for (const auto& name : snapshot_file::all()) {
    const Sample first(name);
    const Sample again(*snapshot::parse(snapshot::to_json(first.snapshot)));
    EXPECT_EQ(first.text({.all = true}), again.text({.all = true}));
    EXPECT_EQ(first.json({.all = true}), again.json({.all = true}));
  }
}

TEST(ReportText, SaysHowTheCycleEnds) {
  Sample never("stacked");
  EXPECT_THAT(never.text(), HasSubstr("No timeout was found that would end it."));
  never.diagnosis.may_end = true;
  EXPECT_THAT(never.text(), HasSubstr("will run something that ends it is not known"));
  EXPECT_THAT(never.text(), Not(HasSubstr("No timeout was found")));
  Sample timeout("nested_wait_for");
  EXPECT_THAT(timeout.text(), testing::ContainsRegex("breaks the cycle in [0-9.]+ s\\.\n"));
  timeout.diagnosis.may_end = true;
  EXPECT_THAT(timeout.text(),
              testing::ContainsRegex("breaks the cycle in [0-9.]+ s, or before\\."));
}

TEST(ReportText, SaysHowLongTheWorkerWasPaused) {
  Sample sample("stacked");
  EXPECT_THAT(sample.text(), HasSubstr("worker not paused"));
  for (auto& each : sample.account.samples) each = {.stopped = true, .pause_us = 700, .stops = 1};
  EXPECT_THAT(sample.text(), testing::ContainsRegex("worker paused 1.4 ms in\\s+2 stops"));
}

}  // namespace
}  // namespace hangspy::report
