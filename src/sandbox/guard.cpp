// Its descriptors are three numbers, so that all others can be closed: a pipe that the report goes
// to must end when hangspy does. It is not asked to end: it is told by the end of the socket, or by
// that of hangspy (PR_SET_PDEATHSIG).
#include "sandbox/guard.hpp"

#include <fcntl.h>
#include <poll.h>
#include <seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

namespace hangspy::sandbox {
namespace {

constexpr int kSocket = 0;
constexpr int kThreads = 1;  // the task directory
constexpr int kFirstOther = 2;
constexpr int kFar = 10;
constexpr int kPatience = 1'000;  // ms, until it is ready
constexpr int kLooks = 2'000;     // for its end
constexpr timespec kBetweenLooks{0, 50'000};

std::atomic<pid_t> guard = -1;
std::atomic<int> line = -1;  // hangspy's end of the socket

// A message of one byte, with room for one descriptor.
struct Message {
  Message() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = room.data();
    header.msg_controllen = room.size();
  }

  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> room{};
  msghdr header{};
};

bool send_descriptor(int socket, int descriptor) {
  Message message;
  cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
  control->cmsg_level = SOL_SOCKET;
  control->cmsg_type = SCM_RIGHTS;
  control->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(control), &descriptor, sizeof(int));
  return ::sendmsg(socket, &message.header, 0) == 1;
}

int receive_descriptor(int socket) {
  Message message;
  if (::recvmsg(socket, &message.header, 0) != 1) return -1;
  const cmsghdr* const control = CMSG_FIRSTHDR(&message.header);
  if (control == nullptr || control->cmsg_type != SCM_RIGHTS) return -1;
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(control), sizeof(int));
  return descriptor;
}

// 0, or why it may not be seized: what cannot be looked up has not ended.
int refusal_of(std::uint64_t tid) {
  struct stat about{};
  if (::fstatat(kThreads, std::to_string(tid).c_str(), &about, 0) == 0) return 0;
  return errno == ENOENT ? ESRCH : errno;
}

// Both are made anew: the kernel wants them empty, and of its own size. The second argument of
// ptrace is the thread; it is a register of who asks, and cannot change until the answer.
void answer_one(int listener) {
  seccomp_notif* question = nullptr;
  seccomp_notif_resp* answer = nullptr;
  if (seccomp_notify_alloc(&question, &answer) != 0) return;
  if (seccomp_notify_receive(listener, question) == 0) {
    const int refusal = refusal_of(question->data.args[1]);
    answer->id = question->id;
    answer->error = -refusal;
    answer->flags = refusal == 0 ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
    seccomp_notify_respond(listener, answer);  // who asked may have ended
  }
  seccomp_notify_free(question, answer);
}

void answer_all(int listener) {
  std::array<pollfd, 2> watched{{{listener, POLLIN, 0}, {kSocket, POLLIN, 0}}};
  for (;;) {
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
    if (watched[1].revents != 0) return;
    if ((watched[0].revents & POLLIN) == 0) {
      if (watched[0].revents != 0) return;
      continue;
    }
    answer_one(listener);
  }
}

// What a terminal or a shell sends to both is for hangspy: it tells the guard.
void block_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

bool settle(pid_t hangspy, int socket, int threads) {
  block_signals();
  ::prctl(PR_SET_NAME, "hangspy guard");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != hangspy) return false;
  // Out of the way of the numbers first.
  const int far_socket = ::fcntl(socket, F_DUPFD, kFar);
  const int far_threads = ::fcntl(threads, F_DUPFD, kFar);
  return ::dup2(far_socket, kSocket) == kSocket && ::dup2(far_threads, kThreads) == kThreads &&
         ::syscall(SYS_close_range, kFirstOther, ~0U, 0) == 0;
}

[[noreturn]] void be_the_guard(pid_t hangspy, int socket, int threads) {
  if (settle(hangspy, socket, threads) && ::write(kSocket, "", 1) == 1) {
    if (const int listener = receive_descriptor(kSocket); listener >= 0) answer_all(listener);
  }
  ::_exit(0);
}

tl::unexpected<Error> failed(const char* what) {
  return fail(Failure::kLimit, std::string(what) + ": " + std::strerror(errno));
}

void end_by(int signal) {
  end_guard();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

// But for what hangspy was told to ignore.
void end_guard_by_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    struct sigaction now{};
    if (::sigaction(signal, nullptr, &now) != 0 || now.sa_handler != SIG_DFL) continue;
    now.sa_handler = end_by;
    ::sigaction(signal, &now, nullptr);
  }
}

bool is_ready(int socket) {
  pollfd watched{socket, POLLIN, 0};
  char byte = 0;
  return ::poll(&watched, 1, kPatience) == 1 && ::recv(socket, &byte, 1, 0) == 1;
}

// The guard's end is open in the guard alone: should it not get ready, that is the end of the line.
Result<int> fork_guard(elf::Descriptor its, const elf::Descriptor& threads) {
  const pid_t hangspy = ::getpid();
  const pid_t process = ::fork();
  if (process < 0) return failed("fork");
  if (process == 0) be_the_guard(hangspy, its.number(), threads.number());
  its = elf::Descriptor();
  guard = process;
  end_guard_by_signals();
  if (is_ready(line)) return line.load();
  end_guard();
  return fail(Failure::kLimit, "it could not close what it inherited");
}

}  // namespace

Result<int> start_guard(const target::ProcDir& process) {
  const elf::Descriptor threads(
      ::openat(process.descriptor(), "task", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!threads) return fail(Failure::kGone, "the process has ended");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failed("socketpair");
  }
  elf::Descriptor its(ends[1]);
  // Where the report would go, if that is closed, must be no place that takes it.
  line = ::fcntl(ends[0], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  ::close(ends[0]);
  if (line < 0) return fail(Failure::kLimit, "no descriptor is left");
  return fork_guard(std::move(its), threads);
}

Result<void> hand_over(elf::Descriptor listener) {
  if (send_descriptor(line, listener.number())) return {};
  return failed("sendmsg");
}

void end_guard() {
  if (const int socket = line.exchange(-1); socket >= 0) ::close(socket);
  const pid_t process = guard.exchange(-1);
  for (int look = 0; process > 0 && look < kLooks; ++look) {
    if (::waitpid(process, nullptr, WNOHANG) != 0) return;
    ::nanosleep(&kBetweenLooks, nullptr);
  }
}

}  // namespace hangspy::sandbox
