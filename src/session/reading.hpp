// One reading of a target's memory: from a page cache to a snapshot and its diagnosis.
#pragma once

#include "hangspy/session.hpp"
#include "memory/page_cache.hpp"
#include "python/runtime.hpp"

namespace hangspy::session {

struct Reading {
  snapshot::Snapshot snapshot;
  diagnosis::Diagnosis diagnosis;
};

// A page cache that fetches from the target.
[[nodiscard]] memory::PageCache cache_over(const target::Target& target);

// Reads everything through `memory` and judges it. `kernel_threads` must be of the same moment.
[[nodiscard]] Result<Reading> read_once(const target::Target& target, const memory::Memory& memory,
                                        const python::Runtime& runtime,
                                        const std::vector<target::ThreadState>& kernel_threads);

}  // namespace hangspy::session
