// A session takes samples of a target, asks for a diagnosis of each, and alone decides whether that
// may stand, must be read again, or needs a stop.
#pragma once

#include <cstdint>

#include "hangspy/account.hpp"
#include "hangspy/diagnosis.hpp"
#include "hangspy/snapshot.hpp"
#include "hangspy/target.hpp"

namespace hangspy::session {

// When a live worker may be stopped: only when it does not lie still, for every sample, or never.
enum class Pause : std::uint8_t { kAuto, kAlways, kNever };

struct Options {
  Pause pause = Pause::kAuto;
  std::uint32_t samples = 2;              // that a finding needs; what is healthy needs one
  std::uint32_t interval_ms = 250;        // between two samples
  std::uint64_t max_copy = 128ULL << 20;  // bytes: a worker with more is not copied ahead
  double timeout_seconds = 30;            // for the whole run; over it, it is inconclusive
};

struct Outcome {
  snapshot::Snapshot snapshot;  // the last sample
  diagnosis::Diagnosis diagnosis;
  snapshot::Account account;
};

// "30 s (--timeout)"
[[nodiscard]] std::string time_bound(const Options& options);
// What is told when a bound of hangspy's own was reached: inconclusive, and `bound` ("30 s
// (--timeout)") in its headline and in what is missing. Keeps of `outcome` what was read.
void cut_short(const std::string& bound, Outcome& outcome);

// Diagnoses the live process `pid`. Errors: those of open_live; kNotPython, kUnsupported;
// kSupervisor, naming the workers' pids; kGone when it ends meanwhile.
[[nodiscard]] Result<Outcome> run_live(target::Tid pid, const Options& options);

// Diagnoses a core file: one sample, which nothing can change any more.
[[nodiscard]] Result<Outcome> run_core(const target::CoreOptions& core, const Options& options);

}  // namespace hangspy::session
