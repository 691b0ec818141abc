// The well-known signature of a hung worker: a task in sync_to_async, a thread parked below it, and
// that task's work item queued behind that very thread. It only says where to look: all three hold
// in programs that are merely slow, too.
#pragma once

#include "diagnosis/case.hpp"

namespace hangspy::diagnosis {

// `acts`: who can ever act, from the reduction; `moves`: whether nothing is stuck, and that is
// known.
[[nodiscard]] Signature signature(const Facts& facts, const graph::WaitGraph& graph,
                                  const std::vector<bool>& acts, bool moves);

}  // namespace hangspy::diagnosis
