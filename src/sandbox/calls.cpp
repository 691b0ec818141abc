// What each group of the list is for stands beside it. seccomp sees numbers and not what pointers
// point at: it can tell how a file is opened and not which, and that a tid is seized and not
// whose: that is asked. openat2 is left out for that reason: its flags are behind a pointer.
#include "sandbox/calls.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <memory>

namespace hangspy::sandbox {
namespace {

using Conditions = std::initializer_list<scmp_arg_cmp>;

constexpr scmp_datum_t kOpensToWrite =
    O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | (O_TMPFILE & ~O_DIRECTORY);

constexpr scmp_arg_cmp equals(unsigned argument, scmp_datum_t value) {
  return {argument, SCMP_CMP_EQ, value, 0};
}
// Of the bits of `mask` exactly those of `value`.
constexpr scmp_arg_cmp has_bits(unsigned argument, scmp_datum_t mask, scmp_datum_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), seccomp_release) {}

  void allow(std::initializer_list<int> calls) {
    for (const int call : calls) allow(call, {});
  }
  void allow(int call, Conditions when) { add(SCMP_ACT_ALLOW, call, when); }
  void ask(int call, Conditions when) {
    asks_ = true;
    add(SCMP_ACT_NOTIFY, call, when);
  }
  // Of all threads; but libseccomp cannot do that everywhere and ask, too.
  [[nodiscard]] Result<elf::Descriptor> load() {
    note(seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, asks_ ? 0 : 1));
    note(seccomp_load(context_.get()));
    if (error_ != 0) return fail(Failure::kPermission, std::strerror(-error_));
    return asks_ ? elf::Descriptor(seccomp_notify_fd(context_.get())) : elf::Descriptor();
  }

 private:
  void add(std::uint32_t action, int call, Conditions when) {
    note(seccomp_rule_add_array(context_.get(), action, call, static_cast<unsigned>(when.size()),
                                std::data(when)));
  }
  void note(int outcome) {
    if (error_ == 0) error_ = outcome;
  }

  std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
  bool asks_ = false;
  int error_ = 0;
};

void allow_memory_and_threads(Filter& filter) {
  filter.allow({SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise)});
  filter.allow(SCMP_SYS(mmap), {has_bits(2, PROT_EXEC, 0)});
  filter.allow(SCMP_SYS(mprotect), {has_bits(2, PROT_EXEC, 0)});
  // A thread, in no namespace of its own. clone3 hides its flags; then the C library asks so.
  constexpr scmp_datum_t kNamespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                       CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
  filter.allow(SCMP_SYS(clone), {has_bits(0, CLONE_THREAD | kNamespaces, CLONE_THREAD)});
  filter.allow({SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(exit),
                SCMP_SYS(exit_group), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
                SCMP_SYS(getcpu)});
  filter.allow(SCMP_SYS(prctl), {equals(0, PR_SET_TIMERSLACK)});
}

void allow_signals_and_time(Filter& filter) {
  filter.allow({SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
                SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall), SCMP_SYS(nanosleep),
                SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres),
                SCMP_SYS(gettimeofday), SCMP_SYS(time)});
  // To itself, as abort() does.
  filter.allow(SCMP_SYS(tgkill), {equals(0, static_cast<scmp_datum_t>(::getpid()))});
}

void allow_reading_files(Filter& filter) {
  filter.allow(SCMP_SYS(open), {has_bits(1, kOpensToWrite, 0)});
  filter.allow(SCMP_SYS(openat), {has_bits(2, kOpensToWrite, 0)});
  filter.allow(
      {SCMP_SYS(read),       SCMP_SYS(readv),      SCMP_SYS(pread64),   SCMP_SYS(preadv),
       SCMP_SYS(lseek),      SCMP_SYS(close),      SCMP_SYS(fstat),     SCMP_SYS(stat),
       SCMP_SYS(lstat),      SCMP_SYS(newfstatat), SCMP_SYS(statx),     SCMP_SYS(readlink),
       SCMP_SYS(readlinkat), SCMP_SYS(access),     SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
       SCMP_SYS(getdents),   SCMP_SYS(getdents64), SCMP_SYS(getcwd),    SCMP_SYS(poll),
       SCMP_SYS(ppoll),      SCMP_SYS(fadvise64)});
  for (const int command : {F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC}) {
    filter.allow(SCMP_SYS(fcntl), {equals(1, static_cast<scmp_datum_t>(command))});
  }
  filter.allow(SCMP_SYS(ioctl), {equals(1, TCGETS)});  // isatty
}

// The report and the errors.
void allow_speaking(Filter& filter) {
  for (const int descriptor : {STDOUT_FILENO, STDERR_FILENO}) {
    filter.allow(SCMP_SYS(write), {equals(0, static_cast<scmp_datum_t>(descriptor))});
    filter.allow(SCMP_SYS(writev), {equals(0, static_cast<scmp_datum_t>(descriptor))});
  }
}

void allow_knowing_oneself(Filter& filter) {
  filter.allow({SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid),
                SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrlimit), SCMP_SYS(getrandom),
                SCMP_SYS(sysinfo), SCMP_SYS(uname)});
  // To ask, not to set; but for the memory that the last words take (cli/bounds.cpp).
  filter.allow(SCMP_SYS(prlimit64), {equals(2, 0)});
  filter.allow(SCMP_SYS(prlimit64), {equals(0, 0), equals(1, RLIMIT_DATA)});
}

// No request that writes. SEIZE takes no options: with PTRACE_O_EXITKILL our end would be theirs.
// The thread that stops says where it runs, and no other's.
void allow_stopping(Filter& filter, Seizing seizing) {
  const auto request = [](__ptrace_request name) { return equals(0, name); };
  const Conditions seize{request(PTRACE_SEIZE), equals(2, 0), equals(3, 0)};
  if (seizing == Seizing::kAsked) {
    filter.ask(SCMP_SYS(ptrace), seize);
  } else {
    filter.allow(SCMP_SYS(ptrace), seize);
  }
  for (const auto name : {PTRACE_INTERRUPT, PTRACE_GETREGS, PTRACE_GETREGSET, PTRACE_DETACH}) {
    filter.allow(SCMP_SYS(ptrace), {request(name)});
  }
  filter.allow({SCMP_SYS(wait4), SCMP_SYS(waitid)});
  filter.allow(SCMP_SYS(sched_setaffinity), {equals(0, 0)});
}

// Among them pipes, through which they find out whether memory may be read.
void allow_sanitizers(Filter& filter) {
  filter.allow({SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(clone), SCMP_SYS(ptrace),
                SCMP_SYS(prctl), SCMP_SYS(write), SCMP_SYS(wait4), SCMP_SYS(getppid),
                SCMP_SYS(tgkill), SCMP_SYS(arch_prctl), SCMP_SYS(sched_getparam), SCMP_SYS(pipe),
                SCMP_SYS(pipe2)});
}

}  // namespace

Result<elf::Descriptor> limit_calls(const std::vector<target::Tid>& readable, Seizing seizing,
                                    int socket) {
  Filter filter;
  allow_memory_and_threads(filter);
  allow_signals_and_time(filter);
  allow_reading_files(filter);
  allow_speaking(filter);
  allow_knowing_oneself(filter);
  for (const target::Tid each : readable) {
    const auto number = static_cast<scmp_datum_t>(each);
    filter.allow(SCMP_SYS(process_vm_readv), {equals(0, number)});
    filter.allow(SCMP_SYS(pidfd_open), {equals(0, number)});
  }
  if (seizing != Seizing::kNone) allow_stopping(filter, seizing);
  if (socket >= 0) {
    filter.allow(SCMP_SYS(sendmsg), {equals(0, static_cast<scmp_datum_t>(socket))});
  }
  if (kForSanitizers) allow_sanitizers(filter);
  return filter.load();
}

}  // namespace hangspy::sandbox
