// Two readings at once, each of its own half of what is very much.
#pragma once

#include <cstddef>
#include <system_error>
#include <thread>

namespace hangspy::python {

// So many that it pays: to start a thread takes as long as to read some hundred tasks.
inline constexpr std::size_t kVeryMany = 4096;

// Runs both, `one` on a thread of its own if there can be one.
template <class One, class Other>
void side_by_side(const One& one, const Other& other) {
  std::jthread thread;
  try {
    thread = std::jthread(one);
  } catch (const std::system_error&) {
    one();
  }
  other();
}

}  // namespace hangspy::python
