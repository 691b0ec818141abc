// One reading of a target's memory: from a page cache to a snapshot and its diagnosis.
#pragma once

#include "hangspy/session.hpp"
#include "memory/page_cache.hpp"
#include "python/landmarks.hpp"
#include "python/process.hpp"
#include "python/runtime.hpp"

namespace hangspy::session {

struct Reading {
  snapshot::Snapshot snapshot;
  diagnosis::Diagnosis diagnosis;
};

// What is healthy or slow is so in one moment; a finding must be found again.
[[nodiscard]] bool is_finding(const diagnosis::Diagnosis& diagnosis);

// What does not change while the worker lives: read once, and never in a stop.
struct Constants {
  python::Runtime runtime;
  std::optional<python::Landmarks> landmarks;
  snapshot::Runtime facts;
};
[[nodiscard]] Result<Constants> read_constants(const target::Target& target,
                                               const memory::Memory& memory);

// A page cache that fetches from the target, with room for so many pages more than a reading needs.
[[nodiscard]] memory::PageCache cache_over(const target::Target& target, std::size_t more = 0);

// Reads everything through `memory`. `kernel_threads` must be of the same moment.
[[nodiscard]] Result<snapshot::Snapshot> read_once(
    const target::Target& target, const memory::Memory& memory, const Constants& constants,
    const std::vector<target::ThreadState>& kernel_threads, const python::Known& known = {});
// Takes the memory's place: it should be given back before, for both may be large.
[[nodiscard]] Reading judged(snapshot::Snapshot snapshot);

}  // namespace hangspy::session
