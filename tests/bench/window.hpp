// What the watcher inside the target and the measuring program outside share: one mapped file.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>

namespace hangspy::bench {

// A window is open while `asked` is odd. `answered` follows it once the watcher has seen it.
struct Window {
  std::atomic<std::uint32_t> asked;
  std::atomic<std::uint32_t> answered;
  std::atomic<std::uint64_t> longest_ns;  // between two readings of the clock, in the last window
};

// Null when the file cannot be mapped. The file must be at least as long as a Window.
inline Window* map_window(const char* path) {
  const int file = ::open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return nullptr;
  void* at = ::mmap(nullptr, sizeof(Window), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  return at == MAP_FAILED ? nullptr : static_cast<Window*>(at);
}

inline std::uint64_t now_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace hangspy::bench
