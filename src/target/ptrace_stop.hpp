// Stops all threads of a process with PTRACE_SEIZE and PTRACE_INTERRUPT.
//
// The tracer is a thread of its own. A tracee that has not stopped cannot be detached, but the
// kernel lets go of everything that a tracing *thread* held when that thread ends, in whatever
// state (exit_ptrace, kernel/ptrace.c). So giving up is safe even on a thread that sleeps
// uninterruptibly, and so is our own death: no SIGSTOP is ever sent that could be left behind.
#pragma once

#include <functional>

#include "hangspy/result.hpp"
#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {

// Copies while every thread of `process` is stopped; when this returns none is. Errors: kGone,
// kPermission, kLimit (a thread that does not stop within a second), and those of the work.
[[nodiscard]] Result<Stopped> while_stopped(const ProcDir& process, const StopWork& work);

}  // namespace hangspy::target
