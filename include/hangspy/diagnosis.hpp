// The verdict on a snapshot: what hangs, how certain that is, why, and what to change.
//
// A diagnosis is a pure function of one snapshot. Whether it may stand (two samples that agree, a
// worker that slept meanwhile) is the session's decision.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hangspy/phrase.hpp"
#include "hangspy/snapshot.hpp"
#include "hangspy/wait_graph.hpp"

namespace hangspy::diagnosis {

enum class Verdict : std::uint8_t {
  kHealthy,       // idle, or making progress
  kSlow,          // everything waits for something that still moves
  kDeadlock,      // a closed set of waits
  kOrphanWait,    // waits for what nothing alive can complete
  kBlockedLoop,   // an event loop's thread is inside code that blocks
  kInconclusive,  // something that the proof needs could not be read
};
enum class Certainty : std::uint8_t { kNone, kLikely, kProven };

[[nodiscard]] std::string_view name_of(Verdict verdict);      // "blocked-loop"
[[nodiscard]] std::string_view name_of(Certainty certainty);  // "proven"
// 0 healthy and slow, 1 deadlock, 3 inconclusive, 4 orphan-wait and blocked-loop.
[[nodiscard]] int exit_code_of(Verdict verdict);

// One sentence of a participant, with what was read to know it.
struct Sentence {
  Phrase words;
  std::vector<snapshot::Frame> frames;  // the places that show it, the user's first
  std::vector<std::string> evidence;    // empty: the sentence only introduces
  graph::Grade grade = graph::Grade::kSeen;
};

// One party of the cycle (or of the orphaned or blocked wait), in the cycle's order.
struct Participant {
  graph::NodeIndex node = 0;
  std::string alias;  // "T1", "A2", "W1": a letter of its kind and a number
  std::vector<Sentence> sentences;
};

// The three checks of the well-known hang, each by identity. All three hold also in programs that
// are only slow: then `relation` says why this one is no deadlock.
struct Check {
  std::string name;  // "task-awaits-sync-to-async", "thread-parked", "item-queued-behind-thread"
  bool holds = false;
  Phrase what;  // what was read
};
struct Signature {
  std::vector<Check> checks;
  bool present = false;  // all of them hold
  Phrase relation;       // empty unless present without a deadlock
};

struct Advice {
  Phrase help;                // the change in the user's code
  std::vector<Phrase> notes;  // facts: what would not help, which release fixes it
};

struct Impact {  // what is stuck behind the cause, not counting the cause itself
  std::uint32_t requests = 0;
  std::uint32_t tasks = 0;
  std::uint32_t threads = 0;
  bool serves_others = true;  // the event loops can still act
};

struct Diagnosis {
  Verdict verdict = Verdict::kInconclusive;
  Certainty certainty = Certainty::kNone;
  std::string rule;             // kebab-case; empty for healthy, slow and inconclusive
  Phrase headline;              // one sentence, no full stop: what is the matter
  bool ends_by_itself = false;  // a timeout in the cycle will break it
  bool may_end = false;         // one that could not be read might break it; `missing` says whose
  // When, if that could be read: from now; of a core by its event loop's own clock.
  std::optional<double> deadline_seconds;
  graph::WaitGraph graph;
  std::vector<graph::EdgeIndex> cycle;  // closed, edge by edge
  // All that the proof rests on, the cycle's nodes and others: each worker of a pool that is stuck.
  std::vector<graph::NodeIndex> cause;
  std::vector<Participant> participants;
  std::vector<graph::NodeIndex> stuck_behind;
  std::vector<graph::NodeIndex> parked;  // stuck, but nobody is owed anything: not judged
  Impact impact;
  Signature signature;
  Advice advice;
  std::vector<std::string> missing;  // what could not be read, one sentence each
};

// Judges one snapshot. Never fails: what could not be read makes it inconclusive.
[[nodiscard]] Diagnosis diagnose(const snapshot::Snapshot& snapshot);

// Whether the proof of `first` stands again in `second`: the same rule, every edge of the cycle and
// every party of its cause by identity, none of whose threads ran in between (event loops' may).
// Returns what differs, or nothing when it stands.
[[nodiscard]] std::optional<std::string> difference(const snapshot::Snapshot& first_snapshot,
                                                    const Diagnosis& first,
                                                    const snapshot::Snapshot& second_snapshot,
                                                    const Diagnosis& second);

// The page of `hangspy explain RULE`; empty for an unknown rule.
struct RulePage {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view page;     // what it is, a short program that shows it, the usual fixes
};
[[nodiscard]] const std::vector<RulePage>& rule_pages();

}  // namespace hangspy::diagnosis
