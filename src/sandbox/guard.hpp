// The guard: a process of hangspy's own that the kernel asks, before a thread is seized, whether it
// is one of the worker's. A filter sees a number, and threads come and go; the guard looks.
//
// It reads nothing of the target but the names in its task directory, holds nothing else open, and
// ends with hangspy. What breaks into hangspy reaches it through the question alone.
#pragma once

#include <sys/types.h>

#include "elf/file.hpp"
#include "hangspy/result.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::sandbox {

class Guard {
 public:
  // Starts it, with the identity that hangspy has. Errors: kGone, kLimit.
  [[nodiscard]] static Result<Guard> start(const target::ProcDir& process);

  Guard(Guard&& other) noexcept;
  Guard& operator=(Guard&&) = delete;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  // Ends it and collects it.
  ~Guard();

  // The only one that hand_over() sends to.
  [[nodiscard]] int socket() const { return socket_.number(); }
  // From now on it answers what `listener` asks (seccomp_unotify(2)): a thread of the worker may be
  // seized, any other is ESRCH. Errors: kLimit; then nobody answers, and all is ENOSYS.
  [[nodiscard]] Result<void> hand_over(elf::Descriptor listener) const;

 private:
  Guard(pid_t process, elf::Descriptor socket);

  pid_t process_ = -1;
  elf::Descriptor socket_;
};

}  // namespace hangspy::sandbox
