// The guard: a process of hangspy's own that the kernel asks, before a thread is seized, whether it
// is one of the worker's. A filter sees a number, and threads come and go; the guard looks.
//
// It reads nothing of the target but the names in its task directory, holds nothing else open, and
// ends with hangspy. What breaks into hangspy reaches it through the question alone.
//
// hangspy collects it, also when a signal ends hangspy: else the init of a container would have to,
// which may be the worker. There is one, and all three functions are of that one.
#pragma once

#include "elf/file.hpp"
#include "hangspy/result.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::sandbox {

// Starts it, with the identity that hangspy has. Returns the socket that hand_over() sends to.
// Errors: kGone, kLimit.
[[nodiscard]] Result<int> start_guard(const target::ProcDir& process);

// From now on it answers what `listener` asks (seccomp_unotify(2)): a thread of the worker may be
// seized, any other is ESRCH. Errors: kLimit; then nobody answers, and all is ENOSYS.
[[nodiscard]] Result<void> hand_over(elf::Descriptor listener);

// Ends it, if there is one, and waits a moment for that. May be called in a signal handler.
void end_guard();

}  // namespace hangspy::sandbox
