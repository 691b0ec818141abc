// The system calls that are left: a list of what reading takes, and nothing else.
//
// A call that is not on the list fails with ENOSYS, as on a kernel that never had it; that is what
// the C library's own fallbacks wait for. So does a listed call with other arguments than those
// allowed. A call of another architecture (int 0x80, x32) kills: no code of hangspy makes one.
#pragma once

#include <cstdint>
#include <vector>

#include "elf/file.hpp"
#include "hangspy/result.hpp"
#include "hangspy/target.hpp"

namespace hangspy::sandbox {

// The sanitizers map code, and look for leaks with a process and ptrace of their own. A build with
// one allows that, and is not for use.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kForSanitizers = true;
#else
inline constexpr bool kForSanitizers = false;
#endif

// Which threads may be seized. The other requests of ptrace take one that is.
enum class Seizing : std::uint8_t { kNone, kAny, kAsked };

// Allows the calls on the list; process_vm_readv on `readable` only, and the requests of ptrace
// that stop, look and let go as `seizing` says. With kAsked a seizure waits for the answer of who
// holds the returned listener (seccomp_unotify(2)), which `socket` may send; else both are none.
// Errors: kPermission.
[[nodiscard]] Result<elf::Descriptor> limit_calls(const std::vector<target::Tid>& readable,
                                                  Seizing seizing, int socket = -1);

}  // namespace hangspy::sandbox
