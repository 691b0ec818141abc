// Stillness: who slept while it was read.
//
// A thread that was in the same system call before and after, and was not scheduled in between, did
// not run: so what was read of it is one moment's truth. The kernel counts each time a thread is
// scheduled in; a thread that stays on a CPU does not move that counter, but is not in a call.
#pragma once

#include <vector>

#include "hangspy/diagnosis.hpp"
#include "hangspy/target.hpp"

namespace hangspy::session {

// Sets `slept` of each thread of the snapshot from the threads before and after the reading.
void mark_sleepers(const std::vector<target::ThreadState>& before,
                   const std::vector<target::ThreadState>& after, snapshot::Snapshot& snapshot);

// Whether every thread slept.
[[nodiscard]] bool all_slept(const std::vector<target::ThreadState>& before,
                             const std::vector<target::ThreadState>& after);

// Whether a thread was running at both moments, on a processor or ready for one, and its time on
// one grew. If that did not, it only waited for a processor, and may sleep again once it gets one.
// (Or the kernel did not count it yet: it does so every few milliseconds.) Where the kernel keeps
// no such time, it is taken to have grown.
[[nodiscard]] bool any_computed(const std::vector<target::ThreadState>& before,
                                const std::vector<target::ThreadState>& after);

// Marks, of the threads that stand in a stop, those that ran between these two moments just before
// it, at one of them or when they were stopped; and those that were not there at the first.
void mark_runners(const std::vector<target::ThreadState>& first,
                  const std::vector<target::ThreadState>& second,
                  std::vector<target::ThreadState>& stopped);

// Whether the diagnosis may stand on a reading without a stop: a deadlock needs that the threads
// of its cause slept, and those that run the loops of its tasks and futures; anything else needs
// all threads.
[[nodiscard]] bool holds_still(const snapshot::Snapshot& snapshot,
                               const diagnosis::Diagnosis& diagnosis);

// Replaces the run counters of the snapshot's threads by those of `now`.
void take_counters(const std::vector<target::ThreadState>& now, snapshot::Snapshot& snapshot);

}  // namespace hangspy::session
