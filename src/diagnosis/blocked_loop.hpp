// An event loop whose thread is inside code that blocks, though not for ever.
#pragma once

#include "diagnosis/case.hpp"

namespace hangspy::diagnosis {

// Fills the diagnosis and returns true when a loop's thread blocks outside its selector. One
// sample cannot tell a call that blocks from one that is about to return: likely, until a second
// sample finds the same handle, frame and instruction.
[[nodiscard]] bool judge_blocked_loop(const Facts& facts, Diagnosis& diagnosis);

}  // namespace hangspy::diagnosis
