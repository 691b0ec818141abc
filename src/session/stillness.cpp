#include "session/stillness.hpp"

#include <algorithm>
#include <set>

namespace hangspy::session {
namespace {

const target::ThreadState* of_tid(const std::vector<target::ThreadState>& all, target::Tid tid) {
  const auto found = std::lower_bound(
      all.begin(), all.end(), tid,
      [](const target::ThreadState& each, target::Tid wanted) { return each.tid < wanted; });
  return found != all.end() && found->tid == tid ? &*found : nullptr;
}

bool slept(const target::ThreadState* before, const target::ThreadState* after) {
  return before != nullptr && after != nullptr && before->run_counter && after->run_counter &&
         *before->run_counter == *after->run_counter &&
         before->activity == target::Activity::kInSyscall &&
         after->activity == target::Activity::kInSyscall && before->syscall == after->syscall;
}

// The threads that the proof rests on, and those that run the loops of its tasks and futures: a
// loop alone changes what these are.
std::set<Address> needed(const snapshot::Snapshot& snapshot,
                         const diagnosis::Diagnosis& diagnosis) {
  std::set<Address> objects, loops, threads;
  for (const auto node : diagnosis.cause) {
    const auto& id = diagnosis.graph.at(node).id;
    if (id.kind == graph::NodeKind::kThread) threads.insert(id.object);
    objects.insert(id.object);
  }
  for (const auto& task : snapshot.tasks) {
    if (objects.contains(task.object)) loops.insert(task.loop);
  }
  for (const auto& future : snapshot.futures) {
    if (objects.contains(future.object)) loops.insert(future.loop);
  }
  for (const auto& loop : snapshot.loops) {
    const bool is_needed = loops.contains(loop.object) || objects.contains(loop.object);
    if (is_needed && loop.thread) threads.insert(loop.thread);
  }
  return threads;
}

}  // namespace

void mark_sleepers(const std::vector<target::ThreadState>& before,
                   const std::vector<target::ThreadState>& after, snapshot::Snapshot& snapshot) {
  for (auto& thread : snapshot.threads) {
    thread.slept = slept(of_tid(before, thread.tid), of_tid(after, thread.tid));
  }
}

bool all_slept(const std::vector<target::ThreadState>& before,
               const std::vector<target::ThreadState>& after) {
  return before.size() == after.size() &&
         std::all_of(before.begin(), before.end(), [&](const target::ThreadState& each) {
           return slept(&each, of_tid(after, each.tid));
         });
}

bool any_computed(const std::vector<target::ThreadState>& before,
                  const std::vector<target::ThreadState>& after) {
  return std::any_of(before.begin(), before.end(), [&](const target::ThreadState& each) {
    const auto* later = of_tid(after, each.tid);
    return later != nullptr && each.activity == target::Activity::kRunning &&
           later->activity == target::Activity::kRunning &&
           (!each.run_time || !later->run_time || *each.run_time < *later->run_time);
  });
}

void mark_runners(const std::vector<target::ThreadState>& first,
                  const std::vector<target::ThreadState>& second,
                  std::vector<target::ThreadState>& stopped) {
  const auto runs = [](const target::ThreadState* thread) {
    return thread == nullptr || thread->activity == target::Activity::kRunning;
  };
  for (auto& each : stopped) {
    const auto* then = of_tid(first, each.tid);
    const auto* later = of_tid(second, each.tid);
    each.ran = runs(&each) || runs(then) || runs(later) || then->run_counter != later->run_counter;
  }
}

bool holds_still(const snapshot::Snapshot& snapshot, const diagnosis::Diagnosis& diagnosis) {
  const auto threads = needed(snapshot, diagnosis);
  // A proof that rests on no thread is one that nothing vouches for: then all must have slept.
  const bool is_cycle = diagnosis.verdict == diagnosis::Verdict::kDeadlock && !threads.empty();
  // What was missed may only have moved while it was read.
  if (!is_cycle && !snapshot.missing.empty()) return false;
  return std::all_of(snapshot.threads.begin(), snapshot.threads.end(), [&](const auto& thread) {
    return thread.slept || (is_cycle && !threads.contains(thread.state));
  });
}

void take_counters(const std::vector<target::ThreadState>& now, snapshot::Snapshot& snapshot) {
  for (auto& thread : snapshot.threads) {
    const auto* kernel = of_tid(now, thread.tid);
    thread.run_counter = kernel != nullptr ? kernel->run_counter : std::nullopt;
  }
}

}  // namespace hangspy::session
