// The word of each enumerator, once for both directions: a reader goes through the words until one
// fits. They are switches without a default, so that a new enumerator without a word does not
// compile.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "hangspy/snapshot.hpp"

namespace hangspy::snapshot {

// clang-format off
constexpr std::string_view word_of(Origin origin) {
  switch (origin) {
    case Origin::kUser: return "user";
    case Origin::kSitePackages: return "site-packages";
    case Origin::kStandardLibrary: return "standard-library";
    case Origin::kFrozen: return "frozen";
  }
  return {};
}

constexpr std::string_view word_of(Activity activity) {
  switch (activity) {
    case Activity::kRunning: return "running";
    case Activity::kInSyscall: return "in-syscall";
    case Activity::kUnknown: return "unknown";
  }
  return {};
}

constexpr std::string_view word_of(WaitKind kind) {
  switch (kind) {
    case WaitKind::kNone: return "none";
    case WaitKind::kOutside: return "outside";
    case WaitKind::kSelector: return "selector";
    case WaitKind::kIdleWorker: return "idle-worker";
    case WaitKind::kLock: return "lock";
    case WaitKind::kCondition: return "condition";
    case WaitKind::kEvent: return "event";
    case WaitKind::kQueue: return "queue";
    case WaitKind::kFutureResult: return "future-result";
    case WaitKind::kServeUntil: return "serve-until";
    case WaitKind::kJoin: return "join";
    case WaitKind::kNativeFutex: return "native-futex";
  }
  return {};
}

constexpr std::string_view word_of(FutureState state) {
  switch (state) {
    case FutureState::kPending: return "pending";
    case FutureState::kCancelled: return "cancelled";
    case FutureState::kFinished: return "finished";
  }
  return {};
}

constexpr std::string_view word_of(CompleterKind kind) {
  switch (kind) {
    case CompleterKind::kTask: return "task";
    case CompleterKind::kFuture: return "future";
    case CompleterKind::kConcurrentFuture: return "concurrent-future";
  }
  return {};
}

constexpr std::string_view word_of(HandleKind kind) {
  switch (kind) {
    case HandleKind::kReady: return "ready";
    case HandleKind::kTimer: return "timer";
    case HandleKind::kDescriptor: return "descriptor";
  }
  return {};
}

constexpr std::string_view word_of(ExecutorKind kind) {
  switch (kind) {
    case ExecutorKind::kThreadPool: return "thread-pool";
    case ExecutorKind::kCurrentThread: return "current-thread";
  }
  return {};
}

constexpr std::string_view word_of(LockKind kind) {
  switch (kind) {
    case LockKind::kLock: return "lock";
    case LockKind::kRecursiveLock: return "recursive-lock";
  }
  return {};
}

constexpr std::string_view word_of(HolderKind kind) {
  switch (kind) {
    case HolderKind::kThread: return "thread";
    case HolderKind::kTask: return "task";
    case HolderKind::kHandle: return "handle";
    case HolderKind::kWorkItem: return "work-item";
  }
  return {};
}
// clang-format on

// The enumerator at a place in the order of declaration; they begin at 0 and have no gaps.
template <class Enum>
constexpr Enum enumerator_at(std::uint8_t place) {
  return static_cast<Enum>(place);
}

template <class Enum>
constexpr std::optional<Enum> from_word(std::string_view word) {
  for (std::uint8_t place = 0; !word_of(enumerator_at<Enum>(place)).empty(); ++place) {
    if (word_of(enumerator_at<Enum>(place)) == word) return enumerator_at<Enum>(place);
  }
  return std::nullopt;
}

}  // namespace hangspy::snapshot
