// The sandbox: before the first byte of the target is read, hangspy gives up all that reading does
// not need. What then breaks in, through a bug in a reader, can do no more than read.
#pragma once

#include <string>
#include <vector>

#include "hangspy/target.hpp"

namespace hangspy::sandbox {

// One thing that was given up, or that was not and why: a line of -v.
struct Measure {
  bool held = false;
  std::string what;
};

// Both must be called while hangspy has one thread, and cannot be undone. They never fail: what
// the kernel refuses is told, and the run goes on without it.

// For the live process `pid`, which need not exist; the caller finds that out when it opens it.
[[nodiscard]] std::vector<Measure> enter_live(target::Tid pid);

// Ends what watches over hangspy, before hangspy itself ends: else an init of a container, which
// may be the worker, would have to collect it. Nothing is stopped any more after it.
void leave();

// For a core, its executable and its sysroot.
[[nodiscard]] std::vector<Measure> enter_core(const target::CoreOptions& core);

}  // namespace hangspy::sandbox
