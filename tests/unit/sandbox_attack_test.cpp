// Attacks from inside: each runs in a process of its own that has entered the sandbox as hangspy
// does, and tries what a break-in through a reader would try.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "hangspy/sandbox.hpp"
#include "sandbox/calls.hpp"
#include "target_child.hpp"

namespace hangspy::sandbox {
namespace {

using target::Child;
using target::Told;

constexpr uid_t kNobody = 65534;

bool is_root() {
  return ::geteuid() == 0;
}

// A word of memory to be read, under another user where that can be.
void hold_a_word(const std::function<void(Told)>& ready) {
  if (is_root()) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(kNobody, kNobody, kNobody) != 0) ::_exit(1);
    if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(1);
    ::prctl(PR_SET_DUMPABLE, 1L);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // the kernel forgets it with the user
  }
  auto* word = new std::uint64_t(0x5eed);
  ready({reinterpret_cast<std::uint64_t>(word)});
  target::sleep_for_ever();
}

// What a process did in the sandbox: 0 when `act` gave true, 1 when false.
int inside(const std::function<void()>& enter, const std::function<bool()>& act) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);
    enter();
    ::_exit(act() ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

class LiveSandbox : public testing::Test {
 protected:
  // As inside() says it.
  int outcome_of(const std::function<bool()>& act) const {
    return inside([this] { (void)enter_live(worker_.pid()); }, act);
  }
  // Whether `act` gives true inside.
  bool holds(const std::function<bool()>& act) const { return outcome_of(act) == 0; }
  static bool denied(long outcome) { return outcome < 0 && (errno == ENOSYS || errno == EPERM); }

  [[nodiscard]] std::uint64_t word() const { return worker_.told(0); }

  const Child worker_{hold_a_word};
  const Child other_{hold_a_word};
};

long copy_word(pid_t pid, std::uint64_t at, long call) {
  std::uint64_t value = 0;
  const iovec local{&value, sizeof(value)};
  const iovec remote{reinterpret_cast<void*>(at), sizeof(value)};
  return ::syscall(call, pid, &local, 1, &remote, 1, 0);
}

std::string status_line(const std::string& key) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
  }
  return {};
}

TEST_F(LiveSandbox, ReadsTheWorker) {
  EXPECT_TRUE(holds([&] { return copy_word(worker_.pid(), word(), SYS_process_vm_readv) == 8; }));
  EXPECT_TRUE(holds([&] {
    const auto target = target::open_live(worker_.pid());
    return target && (*target)->threads() && target::peek(**target, word()).value_or(0) == 0x5eed;
  }));
}

TEST_F(LiveSandbox, StopsTheWorkerAndLetsItGo) {
  EXPECT_TRUE(holds([&] {
    const auto target = target::open_live(worker_.pid());
    return target && (*target)->stop({[](const auto&) { return Result<void>(); }}).has_value();
  }));
}

TEST_F(LiveSandbox, ReadsItsPagemapFilesAndChildren) {
  EXPECT_TRUE(holds([&] {
    const auto target = target::open_live(worker_.pid());
    if (!target || !target::children_of(worker_.pid())) return false;
    if (!target::resident_pages(worker_.pid(), (*target)->mappings(), 1ULL << 32)) return false;
    return (*target)->file_at(Text::of_target("/proc/self/status")).has_value() &&
           (*target)->file_at(Text::of_target("/etc/passwd")).has_value();
  }));
}

TEST_F(LiveSandbox, ReadsNoOtherProcess) {
  EXPECT_TRUE(
      holds([&] { return denied(copy_word(other_.pid(), other_.told(0), SYS_process_vm_readv)); }));
  EXPECT_TRUE(holds([&] { return denied(::syscall(SYS_pidfd_open, other_.pid(), 0)); }));
}

TEST_F(LiveSandbox, WritesToNoProcess) {
  EXPECT_TRUE(
      holds([&] { return denied(copy_word(worker_.pid(), word(), SYS_process_vm_writev)); }));
  EXPECT_TRUE(holds([&] {
    const std::string path = "/proc/" + std::to_string(worker_.pid()) + "/mem";
    return denied(::open(path.c_str(), O_RDWR)) && denied(::open(path.c_str(), O_WRONLY));
  }));
}

TEST_F(LiveSandbox, OpensNothingForWriting) {
  for (const int flags : {O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC,
                          O_WRONLY | O_APPEND, O_TMPFILE | O_RDWR}) {
    EXPECT_TRUE(holds([&] { return denied(::open("/tmp", flags, 0600)); })) << flags;
    EXPECT_TRUE(holds([&] { return denied(::openat(AT_FDCWD, "/dev/null", flags, 0600)); }))
        << flags;
    EXPECT_TRUE(holds([&] { return denied(::syscall(SYS_open, "/dev/null", flags, 0600)); }));
  }
  EXPECT_TRUE(holds([&] { return denied(::creat("/tmp/hangspy-attack", 0600)); }));
  EXPECT_TRUE(holds([&] {
    const std::uint64_t how[3]{O_WRONLY, 0, 0};
    return denied(::syscall(SYS_openat2, AT_FDCWD, "/dev/null", how, sizeof(how)));
  }));
}

TEST_F(LiveSandbox, ChangesNoFile) {
  EXPECT_TRUE(holds([&] {
    return denied(::unlink("/tmp/x")) && denied(::rmdir("/tmp/x")) &&
           denied(::rename("/tmp/x", "/tmp/y")) && denied(::link("/tmp/x", "/tmp/y")) &&
           denied(::symlink("/tmp/x", "/tmp/y")) && denied(::chmod("/tmp/x", 0777)) &&
           denied(::chown("/tmp/x", 0, 0)) && denied(::mkdir("/tmp/x", 0777)) &&
           denied(::truncate("/tmp/x", 0)) && denied(::mknod("/tmp/x", S_IFIFO, 0));
  }));
}

TEST_F(LiveSandbox, SpeaksToNobody) {
  EXPECT_TRUE(holds([&] {
    int ends[2];
    return denied(::socket(AF_INET, SOCK_STREAM, 0)) && denied(::socket(AF_UNIX, SOCK_STREAM, 0)) &&
           denied(::socket(AF_NETLINK, SOCK_RAW, 0)) &&
           denied(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) &&
           (kForSanitizers || denied(::pipe(ends)));
  }));
}

TEST_F(LiveSandbox, SaysWhereItsOwnThreadRunsAndNoOther) {
  EXPECT_TRUE(holds([&] {
    cpu_set_t where;
    return ::sched_getaffinity(0, sizeof(where), &where) == 0 &&
           ::sched_setaffinity(0, sizeof(where), &where) == 0 &&
           denied(::sched_setaffinity(worker_.pid(), sizeof(where), &where)) &&
           denied(::sched_setaffinity(other_.pid(), sizeof(where), &where));
  }));
}

TEST_F(LiveSandbox, SignalsNobody) {
  EXPECT_TRUE(holds([&] {
    return denied(::kill(worker_.pid(), 0)) && denied(::kill(other_.pid(), SIGTERM)) &&
           denied(::syscall(SYS_tkill, worker_.pid(), 0)) &&
           denied(::syscall(SYS_rt_sigqueueinfo, worker_.pid(), SIGTERM, nullptr)) &&
           denied(::syscall(SYS_pidfd_send_signal, 0, 0, nullptr, 0));
  }));
}

TEST_F(LiveSandbox, ReachesForNoOtherPower) {
  EXPECT_TRUE(holds([&] {
    return denied(::mount("none", "/mnt", "tmpfs", 0, nullptr)) &&
           denied(::syscall(SYS_bpf, 0, nullptr, 0)) &&
           denied(::syscall(SYS_io_uring_setup, 1, nullptr)) &&
           denied(::syscall(SYS_pidfd_getfd, 0, 0, 0)) && denied(::unshare(CLONE_NEWUSER)) &&
           denied(::syscall(SYS_setns, 0, 0)) && denied(::chroot("/")) &&
           denied(::syscall(SYS_userfaultfd, 0)) && denied(::syscall(SYS_perf_event_open)) &&
           denied(::syscall(SYS_memfd_create, "x", 0)) && denied(::syscall(SYS_keyctl, 0)) &&
           denied(::syscall(SYS_seccomp, 0, 0, nullptr)) &&
           denied(::syscall(SYS_process_madvise, 0, nullptr, 0, 0, 0));
  }));
}

TEST_F(LiveSandbox, NeverGetsRootBack) {
  EXPECT_TRUE(holds([&] {
    return denied(::setuid(0)) && denied(::setresuid(0, 0, 0)) && denied(::setgroups(0, nullptr)) &&
           denied(::syscall(SYS_capset, nullptr, nullptr)) &&
           status_line("CapBnd") == (is_root() ? "0000000000000000" : status_line("CapBnd")) &&
           status_line("CapPrm") == "0000000000000000" &&
           status_line("CapEff") == "0000000000000000" && ::geteuid() != 0;
  }));
}

TEST_F(LiveSandbox, SaysWhatItIsInTheKernelsOwnWords) {
  EXPECT_TRUE(holds([&] {
    rlimit core{1, 1};
    ::getrlimit(RLIMIT_CORE, &core);
    return status_line("NoNewPrivs") == "1" && status_line("Seccomp") == "2" && core.rlim_cur == 0;
  }));
}

// What unwinds them must get by without calls of its own.
TEST_F(LiveSandbox, StillCatchesExceptions) {
  EXPECT_TRUE(holds([&] {
    try {
      throw std::runtime_error("caught");
    } catch (const std::exception&) {
      return true;
    }
  }));
}

TEST_F(LiveSandbox, StillRunsThreads) {
  EXPECT_TRUE(holds([&] {
    bool ran = false;
    std::thread([&] { ran = true; }).join();
    return ran;
  }));
}

// Becoming root's equal of another kind: a target that is itself root, with all capabilities.
TEST(Sandbox, KeepsOneCapabilityForAWorkerThatHasSome) {
  if (!is_root()) GTEST_SKIP() << "only root's workers have any capability";
  const Child worker([](const std::function<void(Told)>& ready) {
    ready({});
    target::sleep_for_ever();
  });
  EXPECT_EQ(inside([&] { (void)enter_live(worker.pid()); },
                   [&] {
                     const std::string only_ptrace = "0000000000080000";
                     return status_line("CapEff") == only_ptrace &&
                            status_line("CapPrm") == only_ptrace &&
                            status_line("CapBnd") == "0000000000000000" &&
                            target::open_live(worker.pid()).has_value();
                   }),
            0);
}

// Its own user may not look into it, and its files in /proc are root's.
TEST(Sandbox, KeepsOneCapabilityForAWorkerThatIsNotDumpable) {
  if (!is_root()) GTEST_SKIP() << "only root may look into such a worker";
  const Child worker([](const std::function<void(Told)>& ready) {
    hold_a_word([&](Told told) {
      ::prctl(PR_SET_DUMPABLE, 0L);
      ready(told);
    });
  });
  EXPECT_EQ(inside([&] { (void)enter_live(worker.pid()); },
                   [&] {
                     return ::geteuid() == 0 && status_line("CapEff") == "0000000000080000" &&
                            target::open_live(worker.pid()).has_value();
                   }),
            0);
}

TEST(Sandbox, OfAProcessThatIsNotThereDoesNothing) {
  EXPECT_TRUE(enter_live(0x7fff'ffff).empty());
  EXPECT_NE(status_line("Seccomp"), "2");
}

// A sanitizer's own needs (see calls.hpp) are denied in the build that is used.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

TEST_F(LiveSandbox, RunsNoProgram) {
  EXPECT_TRUE(holds([&] {
    char name[] = "/bin/true";
    char* const arguments[]{name, nullptr};
    return denied(::execv(name, arguments)) &&
           denied(::syscall(SYS_execveat, AT_FDCWD, name, arguments, nullptr, 0));
  }));
}

TEST_F(LiveSandbox, MakesNoProcess) {
  EXPECT_TRUE(holds([&] {
    return denied(::syscall(SYS_fork)) && denied(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) &&
           denied(::fork()) && denied(::syscall(SYS_clone3, nullptr, 0));
  }));
}

TEST_F(LiveSandbox, MapsNoCode) {
  EXPECT_TRUE(holds([&] {
    void* area = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return denied(::mprotect(area, 4096, PROT_READ | PROT_EXEC)) &&
           denied(::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                         0) == MAP_FAILED
                      ? -1
                      : 0);
  }));
}

TEST_F(LiveSandbox, WritesNowhereButToItsReport) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_TRUE(holds([&] { return denied(::write(ends[1], "x", 1)); }));
  EXPECT_TRUE(holds([&] { return ::write(STDERR_FILENO, "", 0) == 0; }));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(LiveSandbox, TracesWithoutAnyRequestThatWrites) {
  EXPECT_TRUE(holds([&] {
    const pid_t pid = worker_.pid();
    if (::ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) != 0) return false;
    for (const auto request :
         {PTRACE_ATTACH, PTRACE_POKEDATA, PTRACE_POKETEXT, PTRACE_POKEUSER, PTRACE_SETREGS,
          PTRACE_SETREGSET, PTRACE_SETFPREGS, PTRACE_SETOPTIONS, PTRACE_SETSIGINFO, PTRACE_KILL,
          PTRACE_CONT, PTRACE_SYSCALL, PTRACE_SINGLESTEP, PTRACE_PEEKDATA}) {
      if (!denied(::ptrace(request, pid, nullptr, nullptr))) return false;
    }
    return true;
  }));
  EXPECT_TRUE(holds(
      [&] { return denied(::ptrace(PTRACE_SEIZE, worker_.pid(), nullptr, PTRACE_O_EXITKILL)); }));
}

TEST_F(LiveSandbox, SeizesNoThreadOfAnotherProcess) {
  EXPECT_TRUE(holds([&] {
    const auto seize = [](long tid) {
      return ::syscall(SYS_ptrace, PTRACE_SEIZE, tid, nullptr, nullptr);
    };
    const auto is_refused = [&](long tid) { return seize(tid) < 0 && errno == ESRCH; };
    constexpr long kMoreThanAnId = 1L << 32;  // the kernel takes the lower half
    return is_refused(other_.pid()) && is_refused(::getppid()) && is_refused(1) &&
           is_refused(kMoreThanAnId + other_.pid()) && is_refused(-1) && seize(worker_.pid()) == 0;
  }));
}

// It has no number to put a descriptor aside, and gives up; the rest of the sandbox stays.
TEST_F(LiveSandbox, IsEnteredWithoutAGuardThatCannotStart) {
  std::vector<Measure> measures;
  const auto enter = [&] {
    const rlimit few{10, 10};
    ::setrlimit(RLIMIT_NOFILE, &few);
    measures = enter_live(worker_.pid());
  };
  EXPECT_EQ(inside(enter,
                   [&] {
                     return status_line("Seccomp") == "2" &&
                            std::ranges::any_of(measures, [](const Measure& each) {
                              return !each.held && each.what.starts_with("a guard");
                            });
                   }),
            0);
}

// Who would be asked has gone: nobody is seized any more.
TEST_F(LiveSandbox, SeizesNothingWithoutItsGuard) {
  EXPECT_TRUE(holds([&] {
    leave();
    return denied(::ptrace(PTRACE_SEIZE, worker_.pid(), nullptr, nullptr)) &&
           ::waitpid(-1, nullptr, 0) < 0 && errno == ECHILD;
  }));
}

// An orphan would come to us, as to the init of a container.
TEST_F(LiveSandbox, LeavesNoGuardBehindWhereASignalEndsIt) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1L), 0);
  const auto before = target::children_of(::getpid()).value();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    EXPECT_EQ(outcome_of([signal] { return ::raise(signal) == 0; }), 128 + signal);
    EXPECT_EQ(target::children_of(::getpid()).value(), before) << signal;
  }
  ::prctl(PR_SET_CHILD_SUBREAPER, 0L);
}

// The guard of a process that is killed comes to us, who wait for its end.
TEST_F(LiveSandbox, IsNotOutlivedByItsGuard) {
  ASSERT_EQ(::prctl(PR_SET_CHILD_SUBREAPER, 1L), 0);
  EXPECT_EQ(outcome_of([] { return ::raise(SIGKILL) == 0; }), 128 + SIGKILL);
  EXPECT_THAT(::waitpid(-1, nullptr, 0), testing::AllOf(testing::Gt(0), testing::Ne(worker_.pid()),
                                                        testing::Ne(other_.pid())));
  ::prctl(PR_SET_CHILD_SUBREAPER, 0L);
}

TEST_F(LiveSandbox, CannotBeLookedInto) {
  EXPECT_TRUE(holds([&] { return ::prctl(PR_GET_DUMPABLE) < 0 && errno == ENOSYS; }));
}

#endif

class CoreSandbox : public testing::Test {
 protected:
  CoreSandbox() {
    std::string name = (std::filesystem::temp_directory_path() / "hangspy-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::filesystem::permissions(folder_, std::filesystem::perms(0755));
    std::filesystem::create_directory(folder_ / "root");
    for (const char* each : {"core", "root/library", "outside"}) {
      std::ofstream(folder_ / each) << "bytes";
    }
  }
  ~CoreSandbox() override { std::filesystem::remove_all(folder_); }

  int with_sysroot(const std::function<bool()>& act) const {
    return inside([&] { measures_ = enter_core({folder_ / "core", {}, folder_ / "root"}); }, act);
  }
  bool can_read(const char* name) const { return std::ifstream(folder_ / name).peek() == 'b'; }

  std::filesystem::path folder_;
  mutable std::vector<Measure> measures_;
};

TEST_F(CoreSandbox, ReadsTheCoreAndItsFiles) {
  EXPECT_EQ(with_sysroot([&] { return can_read("core") && can_read("root/library"); }), 0);
}

TEST_F(CoreSandbox, TouchesNoProcess) {
  EXPECT_EQ(with_sysroot([&] {
              return copy_word(::getpid(), 0, SYS_process_vm_readv) < 0 && errno == ENOSYS &&
                     (kForSanitizers ||
                      (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0 && errno == ENOSYS));
            }),
            0);
}

// Where the kernel has Landlock; else -v says that it has none.
TEST_F(CoreSandbox, ReadsNothingElseWhereTheKernelHasLandlock) {
  EXPECT_EQ(with_sysroot([&] {
              const bool has_landlock = std::ranges::any_of(measures_, [](const Measure& each) {
                return each.held && each.what.find("Landlock") != std::string::npos;
              });
              return can_read("outside") != has_landlock;
            }),
            0);
}

TEST_F(CoreSandbox, BecomesItsOwner) {
  if (!is_root()) GTEST_SKIP() << "only root may become another user";
  ASSERT_EQ(::chown((folder_ / "core").c_str(), kNobody, kNobody), 0);
  EXPECT_EQ(with_sysroot([&] {
              return ::geteuid() == kNobody && can_read("core") &&
                     measures_.front().what == "uid 65534, no capability";
            }),
            0);
}

}  // namespace
}  // namespace hangspy::sandbox
