// What --all adds: every thread and every task, with all their frames; and what is stuck without
// being a finding.
#pragma once

#include <string>

#include "hangspy/diagnosis.hpp"

namespace hangspy::report {

[[nodiscard]] std::string everything(const snapshot::Snapshot& snapshot,
                                     const diagnosis::Diagnosis& diagnosis, const LineStyle& style);

}  // namespace hangspy::report
