// How a snapshot was taken: still or stopped, in how many tries, at what cost to the worker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hangspy/text.hpp"

namespace hangspy::snapshot {

struct Sample {
  bool stopped = false;        // false: read still, the worker was not stopped
  std::uint64_t pause_us = 0;  // all stops of this sample together
  std::uint32_t stops = 0;
  std::uint32_t tries = 1;  // readings until one held
  std::uint64_t bytes_read = 0;
};

// Another process that traces the worker.
struct Tracer {
  std::int32_t pid = 0;
  Text name;  // its command name
};

struct Account {
  std::vector<Sample> samples;
  double interval_seconds = 0;  // between the samples
  std::uint64_t wall_us = 0;
  std::optional<Tracer> tracer;
  std::string halted;  // why no thread of the worker could run; empty when they could
};

}  // namespace hangspy::snapshot
