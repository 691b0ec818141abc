#include "cli/bounds.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <new>
#include <thread>
#include <utility>

#include "hangspy/sandbox.hpp"
#include "sandbox/calls.hpp"

namespace hangspy::cli {
namespace {

// What operator new calls is given nothing, so this stands where it can be found.
struct OutOfMemory {
  std::function<void(const std::string&)> give_up;
  std::string bound;
  int exit_code = 0;
  std::atomic<bool> met = false;
};
OutOfMemory& out_of_memory() {
  static OutOfMemory only;
  return only;
}

// Saying so takes memory too: the bound is lifted for the end. Where even that does not suffice,
// the exit code has to. Whichever other thread meets the bound meanwhile waits for that, but not
// for ever: it may hold what the first one needs.
void end_out_of_memory() {
  thread_local bool says_so = false;
  auto& end = out_of_memory();
  if (says_so) end_at_once(end.exit_code);
  if (end.met.exchange(true)) {
    std::this_thread::sleep_for(std::chrono::seconds(5));
    end_at_once(end.exit_code);
  }
  says_so = true;
  rlimit bound{};
  ::getrlimit(RLIMIT_DATA, &bound);
  bound.rlim_cur = bound.rlim_max;
  ::setrlimit(RLIMIT_DATA, &bound);
  end.give_up(end.bound);
}

}  // namespace

// RLIMIT_DATA counts private writable memory. A sanitizer's own alone is more than any bound.
void limit_memory(const Command& command, std::function<void(const std::string&)> give_up) {
  if (!command.max_memory) return;
  if (sandbox::kForSanitizers) return spdlog::info("without --max-memory: a build with sanitizers");
  auto& end = out_of_memory();
  end.give_up = std::move(give_up);
  end.bound = memory_bound(command);
  end.exit_code = exit_code(command, diagnosis::Verdict::kInconclusive);
  std::set_new_handler(end_out_of_memory);
  rlimit bound{};
  ::getrlimit(RLIMIT_DATA, &bound);
  bound.rlim_cur = std::min<rlim_t>(*command.max_memory, bound.rlim_max);
  if (::setrlimit(RLIMIT_DATA, &bound) != 0) {
    spdlog::info("without --max-memory: {}", std::strerror(errno));
  }
}

void end_at_once(int exit_code) {
  sandbox::leave();
  std::_Exit(exit_code);
}

std::string memory_bound(const Command& command) {
  return std::to_string(command.max_memory.value_or(0) >> 20) + " MB of memory (--max-memory)";
}

std::string time_bound(const Command& command) {
  return session::time_bound(command.session);
}

}  // namespace hangspy::cli
