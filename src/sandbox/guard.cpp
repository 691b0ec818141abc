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
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string>
#include <utility>

namespace hangspy::sandbox {
namespace {

constexpr int kSocket = 0;
constexpr int kThreads = 1;  // the task directory
constexpr int kFirstOther = 2;

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

bool has_thread(std::uint64_t tid) {
  struct stat about{};
  return ::fstatat(kThreads, std::to_string(tid).c_str(), &about, 0) == 0;
}

// Both are made anew: the kernel wants them empty, and of its own size. The second argument of
// ptrace is the thread; it is a register of who asks, and cannot change until the answer.
void answer_one(int listener) {
  seccomp_notif* question = nullptr;
  seccomp_notif_resp* answer = nullptr;
  if (seccomp_notify_alloc(&question, &answer) != 0) return;
  if (seccomp_notify_receive(listener, question) == 0) {
    const bool is_ours = has_thread(question->data.args[1]);
    answer->id = question->id;
    answer->error = is_ours ? 0 : -ESRCH;
    answer->flags = is_ours ? SECCOMP_USER_NOTIF_FLAG_CONTINUE : 0;
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

bool settle(pid_t hangspy, int socket, int threads) {
  ::prctl(PR_SET_NAME, "hangspy guard");
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || ::getppid() != hangspy) return false;
  // Out of the way of the numbers first.
  const int far_socket = ::fcntl(socket, F_DUPFD, 10);
  const int far_threads = ::fcntl(threads, F_DUPFD, 10);
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

}  // namespace

Guard::Guard(pid_t process, elf::Descriptor socket)
    : process_(process), socket_(std::move(socket)) {}

Guard::Guard(Guard&& other) noexcept
    : process_(std::exchange(other.process_, -1)), socket_(std::move(other.socket_)) {}

Guard::~Guard() {
  if (process_ < 0) return;
  socket_ = elf::Descriptor();
  ::waitpid(process_, nullptr, 0);
}

Result<Guard> Guard::start(const target::ProcDir& process) {
  const elf::Descriptor threads(
      ::openat(process.descriptor(), "task", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!threads) return fail(Failure::kGone, "the process has ended");
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return failed("socketpair");
  }
  const elf::Descriptor first(ends[0]);
  const elf::Descriptor its(ends[1]);
  // Where the report would go, if that is closed, must be no place that takes it.
  elf::Descriptor ours(::fcntl(first.number(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  const pid_t hangspy = ::getpid();
  const pid_t guard = ::fork();
  if (guard < 0) return failed("fork");
  if (guard == 0) be_the_guard(hangspy, its.number(), threads.number());
  Guard started(guard, std::move(ours));
  char ready = 0;
  if (::recv(started.socket(), &ready, 1, 0) == 1) return started;
  return fail(Failure::kLimit, "it could not close what it inherited");
}

Result<void> Guard::hand_over(elf::Descriptor listener) const {
  if (send_descriptor(socket_.number(), listener.number())) return {};
  return failed("sendmsg");
}

}  // namespace hangspy::sandbox
