// The last resort against a run without end: a thread that waits, and then ends the process.
//
// The time limit stops what reads. A loop that only computes does not ask it; this does not ask
// the loop. The kernel lets go of whatever a tracing thread held.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace hangspy::cli {

class Watchdog {
 public:
  // Calls `give_up`, on a thread of its own, once so much time has gone by; unless this has ended.
  Watchdog(std::chrono::duration<double> after, std::function<void()> give_up)
      : thread_([this, after, give_up = std::move(give_up)](const std::stop_token& ended) {
          std::unique_lock lock(mutex_);
          wake_.wait_for(lock, ended, after, [] { return false; });
          if (!ended.stop_requested()) give_up();
        }) {}

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace hangspy::cli
