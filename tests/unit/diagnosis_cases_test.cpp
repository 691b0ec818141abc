// Every case of tests/snapshots: the verdict, how certain, by which rule, and of whom the cycle is.
#include <gmock/gmock.h>

#include <map>

#include "hangspy/diagnosis.hpp"
#include "snapshot_file.hpp"

namespace hangspy::diagnosis {
namespace {

using snapshot::Snapshot;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

struct Expected {
  Verdict verdict = Verdict::kHealthy;
  Certainty certainty = Certainty::kNone;
  std::string rule;
  std::string parties;  // "T1=0x102 F1=0x402": each with the object that it is
  std::optional<double> deadline_seconds;
  bool ends_by_itself = false;
  std::string headline;  // a part of it
};

Expected healthy() {
  return {.headline = "idle"};
}
Expected slow(std::string headline) {
  return {.verdict = Verdict::kSlow, .headline = std::move(headline)};
}
Expected inconclusive() {
  return {.verdict = Verdict::kInconclusive, .headline = "could not be read"};
}
Expected deadlock(std::string rule, std::string parties) {
  return {Verdict::kDeadlock, Certainty::kProven, std::move(rule), std::move(parties)};
}
Expected likely(Expected expected) {
  expected.certainty = Certainty::kLikely;
  return expected;
}
Expected until(std::optional<double> deadline, Expected expected) {
  expected.deadline_seconds = deadline;
  expected.ends_by_itself = true;
  expected.headline = "which a timeout will break";
  return expected;
}
Expected orphan(std::string parties) {
  return {Verdict::kOrphanWait, Certainty::kLikely, "nobody-can-release", std::move(parties)};
}

constexpr const char* kStacked = "stacked-current-thread-executor";
constexpr const char* kNesting = "thread-sensitive-nesting";
constexpr const char* kNestedParties = "T1=0x102 F1=0x402 A1=0x202 A2=0x203 W1=0x703";
constexpr const char* kBridgeParties = "T1=0x102 F1=0x402 A1=0x203 W1=0x703";
constexpr const char* kOnLoopParties = "T1=0x101 F1=0x402 H1=0x803 O1=0x501";

const std::map<std::string, Expected>& cases() {
  static const std::map<std::string, Expected> all = {
      {"idle", healthy()},
      {"sse_client", slow("at stream (shop/sse.py:11)")},
      {"slow_query", slow("the head of the line is slow_query, at shop/reports.py:12")},
      // Sync and async code that wait for each other.
      {"stacked", deadlock(kStacked, kNestedParties)},
      {"stacked_outer_executor", deadlock(kStacked, kNestedParties)},
      {"stacked_served", slow("1 request in flight")},
      {"nested", deadlock(kNesting, kNestedParties)},
      {"bridge", deadlock(kNesting, kBridgeParties)},
      {"limit",
       deadlock("thread-sensitive-exit-on-loop", "T1=0x101 T2=0x102 F1=0x402 A1=0x202 O1=0x501")},
      {"on_loop", deadlock("loop-waits-for-itself", kOnLoopParties)},
      // A timer of a loop that cannot run will never fire.
      {"on_loop_with_timeout", deadlock("loop-waits-for-itself", kOnLoopParties)},
      {"on_loop_uvloop", inconclusive()},
      // Any of, all of, and timeouts.
      {"gather_one_stuck", deadlock(kNesting, kNestedParties)},
      {"wait_any_one_moves", slow("task \"sleeper\"")},
      {"nested_wait_for", until(12.5, deadlock(kNesting, kNestedParties))},
      {"nested_wait_for_core", until(1012.5, deadlock(kNesting, kNestedParties))},
      {"stacked_timeout", until(30, deadlock(kStacked, kNestedParties))},
      // A cancellation goes down, through gathers, but not through a shield.
      {"stacked_timeout_above", until(40, deadlock(kStacked, kNestedParties))},
      {"stacked_timeout_above_shield", deadlock(kStacked, kNestedParties)},
      {"bridge_result_timeout", until(std::nullopt, deadlock(kNesting, kBridgeParties))},
      // Events: nobody owns them.
      {"event", likely(deadlock("event-behind-its-setter", "T1=0x102 E1=0xa01 A1=0x202 W1=0x702"))},
      {"event_unexplained", slow("the head of the line is wait_for_stock")},
      {"event_other_holder", slow("1 request in flight")},
      {"event_holder_on_open_future", slow("1 request in flight")},
      {"event_polled", slow("1 request in flight")},
      {"orphan", orphan("T1=0x102")},
      {"orphan_joined", orphan("T1=0x103")},
      {"orphan_parked", healthy()},
      // Locks.
      {"lock_abba", deadlock("lock-cycle", "T1=0x103 L1=0x902 T2=0x104 L2=0x901")},
      {"lock_abba_lent", {.headline = "1 thread waits for what others may release"}},
      {"lock_self", deadlock("lock-cycle", "T1=0x103 L1=0x901")},
      {"lock_across_bridge", deadlock("lock-across-bridge", "T1=0x102 L1=0x901 A1=0x201 W1=0x702")},
      {"lock_unknown_holder", slow("the head of the line is reserve")},
      {"lock_diamond", healthy()},
      // Pools, tasks, threads.
      {"pool_exhausted", deadlock("pool-exhaustion", "T1=0x103 F1=0x413 W1=0x713")},
      {"pool_waits_in_a_loop", deadlock("pool-exhaustion", "A1=0x204 W1=0x712 W2=0x711")},
      {"pool_waits_in_a_loop_ok", slow("the head of the line is serve")},
      {"pool_may_grow", slow("2 work items queued")},
      {"task_cycle", deadlock("task-cycle", "A1=0x201 A2=0x202")},
      {"join_of_a_loop_that_runs_until", deadlock("wait-cycle", "T1=0x103 A1=0x204 W1=0x711")},
      {"join_cycle", deadlock("wait-cycle", "T1=0x103 T2=0x104")},
      // What could not be read.
      {"result_unknown_completer", slow("the head of the line is price_cart")},
      {"result_unknown_completer_uvloop", inconclusive()},
      {"future_not_read", inconclusive()},
      {"native_futex", inconclusive()},
      {"native_futex_not_demanded", healthy()},
      {"blocked_loop",
       {Verdict::kBlockedLoop, Certainty::kLikely, "blocking-call-on-loop", "T1=0x101",
        std::nullopt, false, "inside nap (shop/views.py:70)"}},
  };
  return all;
}

std::string parties_of(const Diagnosis& diagnosis) {
  std::string parties;
  for (const auto& each : diagnosis.participants) {
    if (!parties.empty()) parties += ' ';
    parties += each.alias + "=" + to_hex(diagnosis.graph.at(each.node).id.object);
  }
  return parties;
}

Diagnosis diagnosis_of(const std::string& name) {
  return diagnose(snapshot_file::read(name));
}

std::string headline_of(const Diagnosis& diagnosis) {
  return to_line(diagnosis.headline, {1'000});
}

class DiagnosisOf : public testing::TestWithParam<std::string> {};

TEST_P(DiagnosisOf, IsWhatTheCaseSays) {
  ASSERT_TRUE(cases().contains(GetParam())) << "a snapshot without an expectation";
  const auto& expected = cases().at(GetParam());
  const auto found = diagnosis_of(GetParam());
  EXPECT_EQ(name_of(found.verdict), name_of(expected.verdict));
  EXPECT_EQ(name_of(found.certainty), name_of(expected.certainty));
  EXPECT_EQ(found.rule, expected.rule);
  EXPECT_EQ(parties_of(found), expected.parties);
  EXPECT_EQ(found.deadline_seconds, expected.deadline_seconds);
  EXPECT_EQ(found.ends_by_itself, expected.ends_by_itself);
  EXPECT_THAT(headline_of(found), HasSubstr(expected.headline));
}

TEST_P(DiagnosisOf, HasACycleThatCloses) {
  const auto found = diagnosis_of(GetParam());
  if (found.verdict != Verdict::kDeadlock) return;
  ASSERT_FALSE(found.cycle.empty());
  for (std::size_t i = 0; i < found.cycle.size(); ++i) {
    const auto next = found.cycle[(i + 1) % found.cycle.size()];
    EXPECT_EQ(found.graph.edge(found.cycle[i]).to, found.graph.edge(next).from);
    EXPECT_FALSE(found.graph.edge(found.cycle[i]).evidence.words().empty());
  }
}

TEST_P(DiagnosisOf, HelpsInEveryFinding) {
  const auto found = diagnosis_of(GetParam());
  EXPECT_EQ(found.advice.help.empty(), found.rule.empty());
}

// What is said not to be a deadlock must be known to move.
TEST_P(DiagnosisOf, RelatesTheSignatureOnlyToWhatMoves) {
  const auto found = diagnosis_of(GetParam());
  const bool moves = found.verdict == Verdict::kHealthy || found.verdict == Verdict::kSlow ||
                     found.verdict == Verdict::kBlockedLoop;
  EXPECT_EQ(found.signature.relation.empty(), !(found.signature.present && moves));
}

INSTANTIATE_TEST_SUITE_P(Snapshots, DiagnosisOf, testing::ValuesIn(snapshot_file::all()),
                         [](const auto& tested) { return tested.param; });

TEST(DiagnosisCases, AreAllWrittenDown) {
  std::vector<std::string> names;
  for (const auto& [name, expected] : cases()) names.push_back(name);
  EXPECT_EQ(names, snapshot_file::all());
}

TEST(DiagnosisCases, NameTheLoopThatCannotBeLookedInto) {
  EXPECT_THAT(diagnosis_of("on_loop_uvloop").missing, Contains(HasSubstr("uvloop")));
  EXPECT_THAT(diagnosis_of("result_unknown_completer_uvloop").missing,
              Contains(HasSubstr("uvloop")));
}

// A timer of a loop that goes on may end the wait of any of its tasks; where it cannot be looked
// into, nobody may say that none does.
TEST(DiagnosisCases, LeaveOpenWhetherATimerThatCannotBeReadEndsTheCycle) {
  auto facts = snapshot_file::read("task_cycle");
  EXPECT_FALSE(diagnose(facts).may_end);
  facts.loops.front().readable = false;
  const auto found = diagnose(facts);
  EXPECT_EQ(found.verdict, Verdict::kDeadlock);
  EXPECT_EQ(found.certainty, Certainty::kProven);
  EXPECT_TRUE(found.may_end);
  EXPECT_THAT(found.missing, ElementsAre(HasSubstr("queues of an event loop")));
  facts.loops.front().type = Text::of_target("uvloop.Loop");
  EXPECT_THAT(diagnose(facts).missing, ElementsAre(HasSubstr("queues of uvloop")));
}

// A cancellation goes down to what a task awaits before it does anything: where it only comes back,
// it ends in a RecursionError, and the wait goes on.
TEST(DiagnosisCases, AreNotEndedByATimerWhoseCancellationComesBack) {
  auto facts = snapshot_file::read("task_cycle");
  auto& loop = facts.loops.front();
  loop.handles.push_back({.object = {0x802},
                          .loop = loop.object,
                          .kind = snapshot::HandleKind::kTimer,
                          .when = 1010.0,
                          .times_out_task = {0x201}});
  EXPECT_FALSE(diagnose(facts).ends_by_itself);
  const auto await_by = [&](const char* evidence) {
    const auto right = std::ranges::find(facts.tasks, Address{0x202}, &snapshot::Task::object);
    right->waits_for = {0x311};
    facts.futures = {
        {.object = {0x311}, .loop = loop.object, .gathers = evidence == std::string("gather")}};
    facts.completions = {{.future = {0x311},
                          .completer = {0x201},
                          .kind = snapshot::CompleterKind::kTask,
                          .evidence = evidence}};
    return diagnose(facts);
  };
  EXPECT_FALSE(await_by("gather").ends_by_itself);
  EXPECT_EQ(await_by("gather").verdict, Verdict::kDeadlock);
  EXPECT_TRUE(await_by("shield").ends_by_itself);
}

// Who waits for a loop that goes on may be ended from one that cannot be looked into.
TEST(DiagnosisCases, LeaveOpenWhetherAnotherLoopEndsTheCycle) {
  auto facts = snapshot_file::read("task_cycle");
  facts.loops.push_back(
      {.object = {0x599}, .type = Text::of_target("uvloop.Loop"), .readable = false});
  EXPECT_TRUE(diagnose(facts).may_end);
  facts.loops.pop_back();
  EXPECT_FALSE(diagnose(facts).may_end);
}

TEST(DiagnosisCases, LeaveOpenWhetherATimerThatCannotBeReadFiresBeforeTheOneThatWasRead) {
  auto facts = snapshot_file::read("nested_wait_for");
  EXPECT_FALSE(diagnose(facts).may_end);
  facts.loops.front().readable = false;
  const auto found = diagnose(facts);
  EXPECT_TRUE(found.ends_by_itself && found.may_end);
  EXPECT_TRUE(found.deadline_seconds);
}

TEST(DiagnosisCases, KnowThatNoTimerOfALoopThatIsStuckFires) {
  auto facts = snapshot_file::read("limit");
  facts.loops.front().readable = false;
  const auto found = diagnose(facts);
  EXPECT_EQ(found.verdict, Verdict::kDeadlock);
  EXPECT_FALSE(found.may_end);
  EXPECT_THAT(found.missing, IsEmpty());
}

TEST(DiagnosisCases, ListWhatIsParkedWithoutJudgingIt) {
  const auto found = diagnosis_of("orphan_parked");
  ASSERT_EQ(found.parked.size(), 2U);
  EXPECT_EQ(found.graph.at(found.parked[0]).id.object, (Address{0x103}));
  EXPECT_EQ(found.graph.at(found.parked[1]).id.object, (Address{0xa01}));
}

// What was missed may be what hangs; but it takes nothing from a cycle that was read.
TEST(DiagnosisCases, AreLeftOpenWhereSomethingWasMissed) {
  auto idle = snapshot_file::read("idle");
  idle.missing = {"the frames of thread 4197"};
  EXPECT_EQ(diagnose(idle).verdict, Verdict::kInconclusive);
  auto stacked = snapshot_file::read("stacked");
  stacked.missing = idle.missing;
  EXPECT_EQ(diagnose(stacked).verdict, Verdict::kDeadlock);
  EXPECT_EQ(diagnose(stacked).missing, idle.missing);
}

TEST(DiagnosisCases, CountWhatIsStuckBehind) {
  EXPECT_EQ(diagnosis_of("stacked").impact.requests, 1U);
  EXPECT_TRUE(diagnosis_of("stacked").impact.serves_others);
  EXPECT_FALSE(diagnosis_of("limit").impact.serves_others);
  EXPECT_EQ(diagnosis_of("limit").impact.tasks, 1U);  // lifespan
}

// Who tells the parties of an orphaned wait does not count them again.
TEST(DiagnosisCases, DoNotCountTheOrphanedWaiterAsStuckBehind) {
  EXPECT_EQ(diagnosis_of("orphan").impact.threads, 0U);
  EXPECT_EQ(diagnosis_of("orphan_joined").impact.threads, 1U);  // who joins it
}

TEST(DiagnosisCases, DoNotCountKindsThatTakeNoPart) {
  EXPECT_THAT(headline_of(diagnosis_of("task_cycle")), Not(HasSubstr("0 thread")));
}

// All workers of an exhausted pool are busy, not only the one in the cycle that is told.
TEST(DiagnosisCases, TellWhichWorkersAnItemCouldRunOn) {
  const auto words = [](const std::string& name) {
    return to_line(diagnosis_of(name).participants.back().sentences.back().words);
  };
  EXPECT_EQ(words("stacked"), "can only run on T1");
  EXPECT_THAT(words("pool_exhausted"), AllOf(HasSubstr("T1"), HasSubstr("2 workers")));
}

TEST(DiagnosisCases, ShowWhereASuspendedCoroutineTookTheLock) {
  const auto found = diagnosis_of("lock_across_bridge");
  const auto& lock = found.participants[1].sentences.back();
  ASSERT_EQ(lock.frames.size(), 1U);
  EXPECT_EQ(lock.frames.front()->function.bytes(), "checkout");
  EXPECT_THAT(to_line(found.advice.help, {1'000}), HasSubstr("checkout (shop/checkout.py:27)"));
}

TEST(DiagnosisCases, AreJudgedAlikeInWhateverOrderTheFactsStand) {
  for (const auto& name : snapshot_file::all()) {
    auto snapshot = snapshot_file::read(name);
    const auto straight = diagnose(snapshot);
    std::reverse(snapshot.tasks.begin(), snapshot.tasks.end());
    std::reverse(snapshot.futures.begin(), snapshot.futures.end());
    std::reverse(snapshot.completions.begin(), snapshot.completions.end());
    std::reverse(snapshot.executors.begin(), snapshot.executors.end());
    std::reverse(snapshot.locks.begin(), snapshot.locks.end());
    const auto reversed = diagnose(snapshot);
    EXPECT_EQ(straight.verdict, reversed.verdict) << name;
    EXPECT_EQ(straight.rule, reversed.rule) << name;
    EXPECT_EQ(straight.deadline_seconds, reversed.deadline_seconds) << name;
  }
}

// A likely deadlock would be an alarm, too, and such a program may be a healthy one.
TEST(DiagnosisCases, SayWhyALockWithADoubtfulHolderIsOpen) {
  const auto found = diagnosis_of("lock_abba_lent");
  const auto lent = found.graph.find({graph::NodeKind::kLock, {0x901}});
  ASSERT_TRUE(lent.has_value());
  EXPECT_EQ(found.graph.at(*lent).acts, graph::Acts::kOpen);
  EXPECT_THAT(found.graph.at(*lent).reason(), HasSubstr("may have released it"));
  EXPECT_TRUE(found.graph.edges_of(*lent).empty());
}

// Tasks can wait for each other while their loop turns.
bool is_without_threads(const std::string& name) {
  return name == "task_cycle" || name == "pool_waits_in_a_loop";
}

// Without its threads, whatever held is gone.
TEST(DiagnosisCases, AreNoDeadlockWhenTheThreadRuns) {
  for (const auto& [name, expected] : cases()) {
    if (expected.verdict != Verdict::kDeadlock) continue;
    auto snapshot = snapshot_file::read(name);
    for (auto& thread : snapshot.threads) thread.wait = {};
    EXPECT_EQ(diagnose(snapshot).verdict == Verdict::kDeadlock, is_without_threads(name)) << name;
  }
}

// Of what moves nothing is proven, and it lets others go on.
TEST(DiagnosisCases, AreNoDeadlockWhenAllThatWaitsMoves) {
  for (const auto& [name, expected] : cases()) {
    if (expected.verdict != Verdict::kDeadlock) continue;
    for (const bool threads : {true, false}) {
      auto snapshot = snapshot_file::read(name);
      for (auto& each : snapshot.threads) each.moves = threads;
      for (auto& each : snapshot.tasks) each.moves = !threads || is_without_threads(name);
      for (auto& each : snapshot.executors) each.moves = !threads;
      for (auto& each : snapshot.concurrent_futures) each.moves = !threads;
      const auto found = diagnose(snapshot);
      const bool of_threads =
          std::all_of(found.cause.begin(), found.cause.end(), [&](const auto node) {
            const auto kind = found.graph.at(node).id.kind;
            return kind == graph::NodeKind::kThread || kind == graph::NodeKind::kLock;
          });
      EXPECT_TRUE(found.verdict != Verdict::kDeadlock || (of_threads && !threads)) << name;
    }
  }
}

TEST(DiagnosisCases, AreNoBlockedLoopWhenItsThreadMoves) {
  auto snapshot = snapshot_file::read("blocked_loop");
  for (auto& each : snapshot.threads) each.moves = true;
  EXPECT_NE(diagnose(snapshot).verdict, Verdict::kBlockedLoop);
}

TEST(DiagnosisCases, AreNoDeadlockWhenTheFuturesBetweenMove) {
  auto snapshot = snapshot_file::read("nested_wait_for");
  for (auto& each : snapshot.futures) each.moves = true;
  EXPECT_NE(diagnose(snapshot).verdict, Verdict::kDeadlock);
}

// Only damaged memory says that a future completes itself: then it is not known what does.
TEST(DiagnosisCases, AreNoDeadlockWhenAFutureCompletesItself) {
  Snapshot snapshot;
  snapshot.loops = {{.object = {0x100}}};
  snapshot.futures = {{.object = {0x200}, .loop = {0x100}}};
  snapshot.completions = {{.future = {0x200}, .completer = {0x200}, .evidence = "callback"}};
  snapshot.tasks = {{.object = {0x300}, .loop = {0x100}, .waits_for = {0x200}, .is_request = true}};
  EXPECT_EQ(diagnose(snapshot).verdict, Verdict::kSlow);
}

}  // namespace
}  // namespace hangspy::diagnosis
