// The middle of the report: who waits for whom, a few lines each, drawn as a ring where it is one.
#pragma once

#include <string>
#include <vector>

#include "hangspy/report.hpp"

namespace hangspy::report {

// What is told of the participants, in their order, in at most `room` lines unless options.all.
// Frames of libraries give way first, then whole participants from the middle: the beginning and
// the end stay, which close the cycle.
[[nodiscard]] std::vector<std::string> story(const diagnosis::Diagnosis& diagnosis,
                                             const Options& options, std::size_t room);

}  // namespace hangspy::report
