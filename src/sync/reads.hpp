// Everything that Python programs wait for, as it is read: one file a kind. A read looks at the
// process and adds plain facts to the snapshot; what they mean for the graph stands in the twin
// file K_waits.cpp, which never sees memory.
#pragma once

#include <optional>

#include "hangspy/snapshot.hpp"
#include "python/process.hpp"

namespace hangspy::sync {

// Reads all kinds, in the order in which they need each other. What cannot be read of one object
// goes to snapshot.missing and does not lose the others. The process is read
// out then: its tasks are the snapshot's.
void read_all(python::Process& process, snapshot::Snapshot& snapshot);

// ---- what a thread waits for: each kind knows its own, or says that this is not it
using ThreadWait = std::optional<snapshot::ThreadWait>;
[[nodiscard]] ThreadWait event_loop_wait(const python::Process& process,
                                         const python::RawThread& thread);
[[nodiscard]] ThreadWait condition_wait(const python::Process& process,
                                        const python::RawThread& thread);
[[nodiscard]] ThreadWait join_wait(const python::Process& process, const python::RawThread& thread);
[[nodiscard]] ThreadWait thread_pool_wait(const python::Process& process,
                                          const python::RawThread& thread);
[[nodiscard]] ThreadWait lock_wait(const python::Process& process, const python::RawThread& thread);
[[nodiscard]] ThreadWait outside_wait(const python::RawThread& thread);
// Tries all of them, innermost meaning first.
[[nodiscard]] snapshot::ThreadWait thread_wait(const python::Process& process,
                                               const python::RawThread& thread);

// ---- facts
void read_event_loops(const python::Process& process, snapshot::Snapshot& snapshot);
void read_thread_pools(const python::Process& process, snapshot::Snapshot& snapshot);
void read_current_thread_executors(const python::Process& process, snapshot::Snapshot& snapshot);
void read_async_to_sync(const python::Process& process, snapshot::Snapshot& snapshot);
void read_futures(const python::Process& process, snapshot::Snapshot& snapshot);
void read_concurrent_futures(const python::Process& process, snapshot::Snapshot& snapshot);
void read_locks(const python::Process& process, snapshot::Snapshot& snapshot);
void read_references(const python::Process& process, snapshot::Snapshot& snapshot);

}  // namespace hangspy::sync
