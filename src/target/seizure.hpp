// One PTRACE_SEIZE, which another thread of hangspy can break off.
//
// A process that executes another program holds cred_guard_mutex from before it opens that
// program's interpreter until its other threads are gone (bprm_execve, fs/exec.c), and
// ptrace_attach (kernel/ptrace.c) waits for it. On a file system that hangs, or behind a debugger
// that does not collect a thread, that is for ever. The wait can be interrupted, but the kernel
// starts it anew after any handler that returns (-ERESTARTNOINTR). So this handler does not.
#pragma once

#include <pthread.h>

#include "hangspy/target.hpp"

namespace hangspy::target {

// Lets the calling thread be broken off. The signal that does it is SIGUSR2.
void let_be_broken_off();

// 0; or an errno, and ECANCELED when it was broken off: then nobody knows whether the thread is
// seized, and the calling thread has to end.
[[nodiscard]] int seize_thread(Tid tid);

// Breaks off the seizure that `thread` is in, if it is in one.
void break_off(pthread_t thread);

}  // namespace hangspy::target
