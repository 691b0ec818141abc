// What a thread's registers say about what it was doing; the same for a stopped thread and for
// one in a core, since both keep the kernel's user_regs_struct.
#pragma once

#include <sys/user.h>

#include "hangspy/target.hpp"

namespace hangspy::target {

// orig_rax is the system call's number, or negative outside of one. It also still stands there
// when the call has returned and the thread was caught on its way out; then rax is the result. A
// thread that *slept* in the call has in rax the code by which the kernel gave up waiting: EINTR
// or one of its own restart codes (include/linux/errno.h). Only that is kInSyscall.
[[nodiscard]] ThreadState state_of(Tid tid, const user_regs_struct& registers);

}  // namespace hangspy::target
