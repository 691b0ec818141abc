// The least that a stop can take: every thread is seized, interrupted, waited for and let go, and
// nothing is done in between. Prints how long that was, from the first that is interrupted to the
// last that is let go, in microseconds.
#include <dirent.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

std::vector<pid_t> threads_of(const std::string& pid) {
  std::vector<pid_t> tids;
  DIR* folder = ::opendir(("/proc/" + pid + "/task").c_str());
  if (folder == nullptr) return tids;
  while (const dirent* entry = ::readdir(folder)) {
    if (const pid_t tid = std::atoi(entry->d_name); tid > 0) tids.push_back(tid);
  }
  ::closedir(folder);
  return tids;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::vector<pid_t> tids;
  const auto listed = threads_of(argv[1]);
  for (const pid_t tid : listed) {
    if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr) == 0) {
      tids.push_back(tid);
    } else if (errno != ESRCH) {  // else it has ended meanwhile
      std::perror("bench_floor: PTRACE_SEIZE");
      return 2;
    }
  }
  const auto start = std::chrono::steady_clock::now();
  for (const pid_t tid : tids) ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr);
  for (const pid_t tid : tids) {
    int status = 0;
    ::waitpid(tid, &status, __WALL);
  }
  for (const pid_t tid : tids) ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr);
  const std::chrono::duration<double, std::micro> lasted = std::chrono::steady_clock::now() - start;
  std::printf("%.0f\n", lasted.count());
  return tids.empty() ? 2 : 0;
}
