// Runs a command and says what it cost: wall time, peak memory, exit, and the longest gap that the
// watcher inside the target saw meanwhile. A program of its own, and small: the kernel counts the
// memory of whoever starts a program into the peak of the started one.
//
//   bench_measure WINDOW OUTPUT SECONDS COMMAND...      WINDOW - is none; OUTPUT takes its stdout
//   bench_measure WINDOW OUTPUT SECONDS nothing US      opens the window for that long, runs
//   nothing
#include <linux/futex.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "window.hpp"

extern char** environ;

namespace {

using hangspy::bench::now_ns;
using hangspy::bench::Window;

volatile pid_t child = 0;
volatile std::sig_atomic_t timed_out = 0;

void end_child(int /*signal*/) {
  timed_out = 1;
  if (child > 0) ::kill(child, SIGKILL);
}

// Opens or closes the window, and waits until the watcher has seen it. False after ten seconds.
bool turn(Window* window) {
  if (window == nullptr) return true;
  const auto asked = ++window->asked;
  ::syscall(SYS_futex, &window->asked, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
  const auto limit = now_ns() + 10'000'000'000U;
  while (window->answered != asked) {
    if (now_ns() > limit) return false;
    ::usleep(100);
  }
  return true;
}

struct Cost {
  std::uint64_t wall_ns = 0;
  long peak_kb = 0;
  int status = 0;
};

bool run(char** command, const char* output, unsigned seconds, Cost& cost) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output, O_WRONLY | O_CREAT | O_TRUNC,
                                     0600);
  std::signal(SIGALRM, end_child);
  ::alarm(seconds);
  const auto began = now_ns();
  pid_t pid = 0;
  if (::posix_spawnp(&pid, command[0], &actions, nullptr, command, environ) != 0) return false;
  child = pid;
  rusage usage{};
  while (::wait4(pid, &cost.status, 0, &usage) < 0 && errno == EINTR) {
  }
  cost.wall_ns = now_ns() - began;
  cost.peak_kb = usage.ru_maxrss;
  return true;
}

int exit_of(int status) {
  if (timed_out != 0) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  Window* window = std::strcmp(argv[1], "-") == 0 ? nullptr : hangspy::bench::map_window(argv[1]);
  if (!turn(window)) return 3;
  Cost cost;
  if (std::strcmp(argv[4], "nothing") == 0 && argc == 6) {
    ::usleep(static_cast<unsigned>(std::atoi(argv[5])));
  } else if (!run(argv + 4, argv[2], static_cast<unsigned>(std::atoi(argv[3])), cost)) {
    std::fprintf(stderr, "bench_measure: cannot run %s\n", argv[4]);
    return 4;
  }
  if (!turn(window)) return 3;
  const auto gap = window == nullptr ? 0 : window->longest_ns.load();
  std::printf("{\"wall_ns\": %llu, \"peak_kb\": %ld, \"exit\": %d, \"gap_ns\": %llu}\n",
              static_cast<unsigned long long>(cost.wall_ns), cost.peak_kb, exit_of(cost.status),
              static_cast<unsigned long long>(gap));
  return 0;
}
