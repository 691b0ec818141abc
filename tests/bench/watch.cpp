// What a thread of the target does that watches the clock. While a window is open it does nothing
// but read the clock; the longest gap between two readings is how long the target stood. While none
// is open it sleeps in one system call, so that the target lies still.
#include <linux/futex.h>
#include <sys/syscall.h>

#include <algorithm>

#include "window.hpp"

namespace hangspy::bench {
namespace {

void wait_until_open(Window& window) {
  for (auto asked = window.asked.load(); asked % 2 == 0; asked = window.asked.load()) {
    ::syscall(SYS_futex, &window.asked, FUTEX_WAIT, asked, nullptr, nullptr, 0);
  }
}

void watch_one(Window& window) {
  const auto opened = window.asked.load();
  std::uint64_t longest = 0;
  std::uint64_t last = now_ns();
  window.answered = opened;
  for (bool open = true; open;) {
    open = window.asked.load() == opened;  // before the clock: the last gap counts, too
    const auto now = now_ns();
    longest = std::max(longest, now - last);
    last = now;
  }
  window.longest_ns = longest;
  window.answered = window.asked.load();
}

}  // namespace
}  // namespace hangspy::bench

// Called by a thread of the target through ctypes, which lets go of the GIL meanwhile. Returns only
// when the file cannot be mapped.
extern "C" void watch(const char* path) {
  using namespace hangspy::bench;
  Window* window = map_window(path);
  while (window != nullptr) {
    wait_until_open(*window);
    watch_one(*window);
  }
}
