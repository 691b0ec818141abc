// From a parked thread to the object it is parked on.
//
// The futex word in the thread's system call names the lock, on every version. Up to 3.12 (and for
// Lock and RLock in 3.13.0) it is the first word of the lock's semaphore; with the parking lot of
// 3.13 it lies in a wait_entry on the waiter's own C stack, and the word before it is the address
// that the thread is parked at (Python/parking_lot.c, struct wait_entry: addr, then sema).
#pragma once

#include <optional>

#include "python/process.hpp"

namespace hangspy::sync {

struct Futex {
  Address word;
  bool timed = false;
};
// The futex that the thread's system call waits on, if it is in one.
[[nodiscard]] std::optional<Futex> futex_of(const python::RawThread& thread);

// Whether the thread is parked on this very object: a Lock, an RLock, a SimpleQueue, or the handle
// of a thread that it joins.
[[nodiscard]] bool parked_on(const python::Process& process, const python::RawThread& thread,
                             Address object);

// Whether it is parked on the GIL: then it may run.
[[nodiscard]] bool waits_for_gil(const python::Process& process, const python::RawThread& thread);

// The name of a system call that blocks, "futex" or "system call 217".
[[nodiscard]] std::string syscall_name(std::int64_t number);

}  // namespace hangspy::sync
