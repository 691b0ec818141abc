#include "python/layouts/layouts.hpp"

#include "python/layouts/cpython_3_11.hpp"
#include "python/layouts/cpython_3_12.hpp"
#include "python/layouts/cpython_3_13.hpp"

namespace hangspy::python::layouts {
namespace {

// Enumerators of gi_frame_state: Include/internal/pycore_frame.h, enum _framestate, v3.11.7 and
// v3.12.1. No frame stands for C code in 3.11 (is_entry marks the boundary instead).
constexpr Traits kTraits3_11{
    .frames_through_holder = true,
    .suspended = Suspended::kResumeArgument,
    .state_created = -2,
    .state_suspended = -1,
    .state_suspended_yield_from = -1,
    .state_executing = 0,
    .state_completed = 1,
    .state_cleared = 4,
    .attributes = Attributes::kValuesThenDict,
    .integers = Integers::kItemCount,
    .task_sets = TaskSets::kAllTasks,
    .running_loop = RunningLoop::kThreadDictHolder,
    .thread_join = ThreadJoin::kStateLock,
    .immortals = Immortals::kNone,
    .task_names_may_be_ints = false,
};

// FRAME_OWNED_BY_CSTACK = 3 came with 3.12 (Include/internal/pycore_frame.h, enum _frameowner).
constexpr Traits traits_3_12() {
  auto traits = kTraits3_11;
  traits.first_shim_owner = 3;
  traits.attributes = Attributes::kTaggedWord;      // Objects/typeobject.c, PyDictOrValues
  traits.integers = Integers::kTag;                 // Include/cpython/longintrepr.h
  traits.task_sets = TaskSets::kScheduledAndEager;  // Lib/asyncio/tasks.py
  traits.running_loop = RunningLoop::kThreadDict;   // Modules/_asynciomodule.c
  traits.immortals = Immortals::kNegativeLowHalf;   // Include/object.h, _Py_IsImmortal
  traits.task_names_may_be_ints = true;             // Modules/_asynciomodule.c
  return traits;
}

// FRAME_SUSPENDED_YIELD_FROM came with 3.13 (Include/internal/pycore_frame.h, enum _framestate).
constexpr Traits traits_3_13() {
  auto traits = traits_3_12();
  traits.frames_through_holder = false;
  traits.suspended = Suspended::kFrameState;
  traits.state_created = -3;
  traits.state_suspended = -2;
  traits.state_suspended_yield_from = -1;
  traits.attributes = Attributes::kDictThenInline;  // Include/internal/pycore_object.h
  traits.running_loop = RunningLoop::kThreadField;  // Include/internal/pycore_tstate.h
  traits.thread_join = ThreadJoin::kHandle;         // Modules/_threadmodule.c
  return traits;
}

// _thread.lock from 3.13.1 on: one PyMutex behind the head, no semaphore and no flag of its own.
// Modules/_threadmodule.c, v3.13.1 (backport of gh-117721).
constexpr Layout::Lock kMutexLock{.size = 24, .semaphore = kAbsent, .mutex = 16, .locked = kAbsent};

}  // namespace

Result<Build> layout_of(int major, int minor, bool free_threaded) {
  if (major == 3 && !free_threaded) {
    if (minor == 11) return Build{kCPython3_11, kTraits3_11};
    if (minor == 12) return Build{kCPython3_12, traits_3_12()};
    if (minor == 13) return Build{kCPython3_13, traits_3_13()};
  }
  const auto version = std::to_string(major) + "." + std::to_string(minor);
  return fail(Failure::kUnsupported,
              "CPython " + version + (free_threaded ? " without the GIL" : "") +
                  " is not supported yet: this hangspy reads 3.11, 3.12 and 3.13 with the GIL");
}

Result<void> choose_lock(Layout& layout, std::uint64_t basic_size) {
  if (basic_size == layout.lock.size) return {};
  const bool parks = layout.wait_entry.size != kAbsent;  // only then is there a PyMutex at all
  if (parks && basic_size == kMutexLock.size) {
    layout.lock = kMutexLock;
    return {};
  }
  return fail(Failure::kUnsupported, "_thread.lock takes " + std::to_string(basic_size) +
                                         " bytes in the target, but " +
                                         std::to_string(layout.lock.size) +
                                         (parks ? " or 24" : "") + " in every release known here");
}

}  // namespace hangspy::python::layouts
