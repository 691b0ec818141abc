// The report: a diagnosis as a person or a program reads it. Pure functions; text of the target
// goes through the doors of text.hpp only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "hangspy/diagnosis.hpp"

namespace hangspy::report {

// How one sample was taken.
struct Sample {
  bool stopped = false;        // false: read still, the worker was not stopped
  std::uint64_t pause_us = 0;  // all stops of this sample together
  std::uint32_t stops = 0;
  std::uint32_t tries = 1;     // still readings until one held
  std::uint64_t bytes_read = 0;
};

// How the target was read, for the report's head and end.
struct Account {
  std::vector<Sample> samples;
  double interval_seconds = 0;  // between the samples
  std::uint64_t wall_us = 0;
};

struct Options {
  bool ascii = false;  // no box drawing, no characters beyond ASCII
  bool colour = false;
  bool all = false;    // every thread and task, too
};

// At most 40 lines and 96 columns unless `all`. The same diagnosis is always the same text.
[[nodiscard]] std::string text(const snapshot::Snapshot& snapshot,
                               const diagnosis::Diagnosis& diagnosis, const Account& account,
                               const Options& options);

// One JSON object, schema_version "1.0"; docs/json.md names its fields.
[[nodiscard]] std::string json(const snapshot::Snapshot& snapshot,
                               const diagnosis::Diagnosis& diagnosis, const Account& account,
                               const Options& options);

}  // namespace hangspy::report
