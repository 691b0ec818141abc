#include "hangspy/session.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <sstream>

#include "session/sampling.hpp"
#include "session/stillness.hpp"
#include "session/time_limit.hpp"

namespace hangspy::session {
namespace {

using diagnosis::Certainty;
using diagnosis::Verdict;
using Clock = std::chrono::steady_clock;

std::uint64_t microseconds_since(Clock::time_point start) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count());
}

// Takes back what a finding said: what is left is a verdict without a proof.
void retract(Verdict verdict, Phrase headline, diagnosis::Diagnosis& diagnosis) {
  diagnosis.verdict = verdict;
  diagnosis.certainty = Certainty::kNone;
  diagnosis.headline = std::move(headline);
  diagnosis.rule.clear();
  diagnosis.participants.clear();
  diagnosis.cycle.clear();
  diagnosis.cause.clear();
  diagnosis.stuck_behind.clear();
  diagnosis.impact = {};
  diagnosis.advice = {};
  diagnosis.ends_by_itself = diagnosis.may_end = false;
  diagnosis.deadline_seconds.reset();
}

// A finding that was not there again: the loop was only busy, or the samples contradict.
void withdraw(const std::string& why, diagnosis::Diagnosis& diagnosis) {
  if (diagnosis.verdict == Verdict::kBlockedLoop) {
    return retract(Verdict::kSlow, "an event loop is busy, and goes on", diagnosis);
  }
  retract(Verdict::kInconclusive, "the samples differ: " + why, diagnosis);
  diagnosis.missing.push_back("two samples that agree: " + why);
}

// A worker that was not read whole at one moment: nothing is proven.
void doubt(const std::string& why, diagnosis::Diagnosis& diagnosis) {
  diagnosis.missing.insert(diagnosis.missing.begin(), "one moment's whole truth: " + why);
  if (diagnosis.verdict == Verdict::kInconclusive && !diagnosis.headline.empty()) return;
  retract(Verdict::kInconclusive, "the worker runs, and could not be read at one moment",
          diagnosis);
}

// Of a stop it is not known whether anything lasts: a busy loop is in some call at any moment.
void leave_a_moment_open(diagnosis::Diagnosis& diagnosis) {
  retract(Verdict::kInconclusive, "an event loop was met inside a call, and may go on", diagnosis);
  diagnosis.missing.push_back("a second sample, to see whether it stays there (--samples 2)");
}

// Nobody runs who is halted: only what memory alone proves is a finding then.
void judge_halted(const std::string& halted, diagnosis::Diagnosis& diagnosis) {
  if (diagnosis.verdict == Verdict::kDeadlock || diagnosis.verdict == Verdict::kOrphanWait) return;
  retract(Verdict::kInconclusive, "the process does not run: it is " + halted, diagnosis);
  diagnosis.missing.push_back("how it runs: let it go on, then ask again");
}

class LiveSession {
 public:
  LiveSession(target::LiveTarget& target, const TimeLimit& limit, Constants constants,
              const Options& options)
      : target_(target),
        limit_(limit),
        options_(options),
        sampling_(target, std::move(constants), options) {}

  Result<Outcome> run() {
    HANGSPY_TRY(restraint, target_.restraint());
    HANGSPY_TRY(first, sample());
    auto last = std::move(first);
    std::string why;
    std::uint32_t agreed = 1;
    // Two more rounds than asked for: a sample may have met the very moment of a change.
    for (std::uint32_t round = 1; round < options_.samples + 2; ++round) {
      if (!is_finding(last.reading.diagnosis) || agreed >= options_.samples) break;
      const auto rested = sampling_.let_rest(last);
      if (limit_.reached()) break;
      HANGSPY_CHECK(rested);
      limit_.sleep(std::chrono::milliseconds(options_.interval_ms));
      if (limit_.reached()) break;  // run_live says so
      take_counters(last.after, last.reading.snapshot);
      auto next = sample();
      if (limit_.reached()) break;
      HANGSPY_CHECK(next);
      const auto differs = compare(last, *next);
      // A sample that is in doubt says nothing for what it found.
      agreed = differs ? 1 : agreed + (next->doubt.empty() ? 1 : 0);
      why = differs.value_or("");
      last = std::move(*next);
    }
    settle(last, agreed, why);
    HANGSPY_CHECK(note(restraint, last.reading.diagnosis));
    HANGSPY_CHECK(target_.still_there());
    return Outcome{std::move(last.reading.snapshot), std::move(last.reading.diagnosis),
                   std::move(account_)};
  }

 private:
  Result<Sampled> sample() {
    HANGSPY_TRY(sampled, sampling_.take());
    account_.samples.push_back(sampled.account);
    return sampled;
  }

  // A traced thread is also held for moments while it goes on: only who was halted before and
  // after the samples was halted.
  Result<void> note(const target::Restraint& before, diagnosis::Diagnosis& diagnosis) {
    HANGSPY_TRY(after, restraint_after(before));
    if (before.tracer != 0) {
      account_.tracer = snapshot::Tracer{before.tracer, before.tracer_name};
    }
    if (before.halted != after.halted || after.halted.empty()) return {};
    account_.halted = after.halted;
    judge_halted(after.halted, diagnosis);
    return {};
  }

  // What a signal has stopped runs for a moment when we let it go, until it is back in that stop.
  Result<target::Restraint> restraint_after(const target::Restraint& before) const {
    constexpr int kLooks = 200;
    const bool goes_back = !before.halted.empty() && before.tracer == 0;
    for (int look = 1;; ++look) {
      HANGSPY_TRY(after, target_.restraint());
      if (!goes_back || after.halted == before.halted || look == kLooks) return after;
      limit_.sleep(std::chrono::milliseconds(1));
    }
  }

  static std::optional<std::string> compare(const Sampled& last, const Sampled& next) {
    const auto& then = last.reading;
    const auto& now = next.reading;
    return diagnosis::difference(then.snapshot, then.diagnosis, now.snapshot, now.diagnosis);
  }

  void settle(Sampled& last, std::uint32_t agreed, const std::string& why) {
    auto& diagnosis = last.reading.diagnosis;
    account_.interval_seconds = account_.samples.size() > 1 ? options_.interval_ms / 1e3 : 0;
    if (!last.doubt.empty()) doubt(last.doubt, diagnosis);
    const bool short_of_time = limit_.reached();  // run_live takes the finding back and says why
    if (is_finding(diagnosis) && agreed < options_.samples && !short_of_time) {
      withdraw(why, diagnosis);
    }
    if (diagnosis.verdict != Verdict::kBlockedLoop || short_of_time) return;
    if (agreed > 1) {
      diagnosis.certainty = Certainty::kProven;
    } else if (last.account.stopped) {
      leave_a_moment_open(diagnosis);
    }
  }

  target::LiveTarget& target_;
  const TimeLimit& limit_;
  Options options_;
  Sampling sampling_;
  snapshot::Account account_;
};

// A worker that runs may be met in the middle of a change: a few more tries, each from fresh pages.
Result<Constants> constants_of_live(const target::Target& target) {
  constexpr int kTries = 20;
  Result<Constants> constants = fail(Failure::kNotPython, "not read");
  for (int attempt = 0; attempt < kTries && !constants; ++attempt) {
    const auto cache = cache_over(target);
    constants = read_constants(target, cache);
    if (constants) break;
    const auto why = constants.error().failure;
    if (why != Failure::kImplausible && why != Failure::kUnmapped && why != Failure::kLimit) break;
  }
  return constants;
}

Result<Outcome> diagnose_live(target::LiveTarget& target, const TimeLimit& limit,
                              const Options& options) {
  HANGSPY_TRY(constants, constants_of_live(target));
  spdlog::info("CPython {}: {}", constants.facts.version, constants.facts.layout);
  return LiveSession(target, limit, std::move(constants), options).run();
}

struct CoreReading {
  snapshot::Snapshot snapshot;
  std::uint64_t bytes = 0;
  bool refused = false;  // it met a bound, and is worth nothing
};

Result<CoreReading> read_core(const target::Target& target) {
  auto cache = cache_over(target);
  cache.hold_at_most(memory::PageCache::kPassing);
  HANGSPY_TRY(constants, read_constants(target, cache));
  spdlog::info("CPython {}: {}", constants.facts.version, constants.facts.layout);
  HANGSPY_TRY(threads, target.threads());
  HANGSPY_TRY(snapshot, read_once(target, cache, constants, threads));
  return CoreReading{std::move(snapshot), cache.bytes_read(), cache.has_refused()};
}

Result<Outcome> diagnose_core(const target::Target& target) {
  HANGSPY_TRY(read, read_core(target));
  auto reading = judged(std::move(read.snapshot));
  Outcome outcome{std::move(reading.snapshot), std::move(reading.diagnosis), {}};
  outcome.account.samples.push_back({.bytes_read = read.bytes});
  if (read.refused) cut_short("the memory that it reads of a core", outcome);
  return outcome;
}

// Whether a reading that was merely refused its pages could end so.
bool may_be_the_limit(Failure failure) {
  return failure != Failure::kGone && failure != Failure::kPermission &&
         failure != Failure::kSupervisor;
}

// Over the limit no verdict stands, and an error need not mean what it says.
Result<Outcome> within(const TimeLimit& limit, const target::Target& target, const Options& options,
                       Result<Outcome> outcome) {
  if (!limit.reached() || (!outcome && !may_be_the_limit(outcome.error().failure))) return outcome;
  if (!outcome) {
    outcome = Outcome{};
    outcome->snapshot.pid = target.pid();
    outcome->snapshot.is_core = target.kind() == target::Target::Kind::kCore;
  }
  cut_short(time_bound(options), *outcome);
  return outcome;
}

}  // namespace

std::string time_bound(const Options& options) {
  std::ostringstream words;
  words << options.timeout_seconds << " s (--timeout)";
  return words.str();
}

void cut_short(const std::string& bound, Outcome& outcome) {
  retract(Verdict::kInconclusive, "hangspy ended at a bound of its own, " + bound,
          outcome.diagnosis);
  outcome.diagnosis.missing.push_back("what would be read after " + bound);
}

Result<Outcome> run_live(target::Tid pid, const Options& options) {
  const auto start = Clock::now();
  const TimeLimit limit(TimeLimit::Seconds(options.timeout_seconds));
  HANGSPY_TRY(opened, target::open_live(pid));
  TimedLive target(*opened, limit);
  HANGSPY_TRY(outcome, within(limit, target, options, diagnose_live(target, limit, options)));
  outcome.account.wall_us = microseconds_since(start);
  return std::move(outcome);
}

Result<Outcome> run_core(const target::CoreOptions& core, const Options& options) {
  const auto start = Clock::now();
  const TimeLimit limit(TimeLimit::Seconds(options.timeout_seconds));
  HANGSPY_TRY(opened, target::open_core(core));
  const Timed<target::Target> target(*opened, limit);
  HANGSPY_TRY(outcome, within(limit, target, options, diagnose_core(target)));
  outcome.account.wall_us = microseconds_since(start);
  return std::move(outcome);
}

}  // namespace hangspy::session
