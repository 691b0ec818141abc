// A cycle's fingerprint: the same for two workers with the same bug, whatever their pids, addresses
// and line numbers. So repeats of one hang group together.
#pragma once

#include <string>

#include "hangspy/diagnosis.hpp"

namespace hangspy::report {

// "wc1:5b1e9c2f", or nothing when the diagnosis has no cycle.
[[nodiscard]] std::string fingerprint(const snapshot::Snapshot& snapshot,
                                      const diagnosis::Diagnosis& diagnosis);

}  // namespace hangspy::report
