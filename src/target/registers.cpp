// Registers to activity: the x86-64 system call convention, and the kernel's restart codes.
#include "target/registers.hpp"

#include <array>

namespace hangspy::target {
namespace {

constexpr std::int64_t kInterrupted = -4;           // EINTR
constexpr std::int64_t kRestartSys = -512;          // ERESTARTSYS
constexpr std::int64_t kRestartNoInterrupt = -513;  // ERESTARTNOINTR
constexpr std::int64_t kRestartNoHandler = -514;    // ERESTARTNOHAND
constexpr std::int64_t kRestartBlock = -516;        // ERESTART_RESTARTBLOCK

bool was_asleep(std::int64_t result) {
  return result == kInterrupted || result == kRestartSys || result == kRestartNoInterrupt ||
         result == kRestartNoHandler || result == kRestartBlock;
}

}  // namespace

ThreadState state_of(Tid tid, const user_regs_struct& registers) {
  ThreadState state;
  state.tid = tid;
  state.namespace_tid = tid;  // fs_base tells the thread, whatever its namespace
  state.fs_base = registers.fs_base;
  state.stack_pointer = registers.rsp;
  state.instruction_pointer = registers.rip;
  state.frame_pointer = registers.rbp;
  const auto number = static_cast<std::int64_t>(registers.orig_rax);
  if (number < 0 || !was_asleep(static_cast<std::int64_t>(registers.rax))) {
    state.activity = Activity::kRunning;
    return state;
  }
  state.activity = Activity::kInSyscall;
  state.syscall = number;
  state.arguments = {registers.rdi, registers.rsi, registers.rdx,
                     registers.r10, registers.r8,  registers.r9};
  return state;
}

}  // namespace hangspy::target
