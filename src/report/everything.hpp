// What --all adds: every thread and every task, with all their frames.
#pragma once

#include <string>

#include "hangspy/snapshot.hpp"

namespace hangspy::report {

[[nodiscard]] std::string everything(const snapshot::Snapshot& snapshot, const LineStyle& style);

}  // namespace hangspy::report
