// The parties of a cycle, one after the other, each with a name and a sentence or two.
//
// Futures between a task and what completes it are passed over: "waits for W1" says it, and their
// evidence joins that sentence's. What is left is what a person can act on.
#pragma once

#include "diagnosis/case.hpp"

namespace hangspy::diagnosis {

[[nodiscard]] std::vector<Participant> participants(const Case& found);

}  // namespace hangspy::diagnosis
