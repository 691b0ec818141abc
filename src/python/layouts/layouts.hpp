// Which layout reads which CPython.
//
// A Build is a Layout (where fields lie) and Traits (what differs in kind). Whoever reads the
// target asks for one by the version that the target names, and afterwards looks at traits only:
// no code outside this folder compares version numbers.
#pragma once

#include "hangspy/result.hpp"
#include "python/layouts/layout.hpp"

namespace hangspy::python::layouts {

// How a suspended generator shows that it stands in an `await` or a `yield from`.
enum class Suspended : std::uint8_t {
  kResumeArgument,  // the next instruction is RESUME with an oparg of 2 or 3
  kFrameState,      // its frame state is `state_suspended_yield_from`
};

// Where the attributes of an instance lie whose type has Py_TPFLAGS_MANAGED_DICT.
enum class Attributes : std::uint8_t {
  kValuesThenDict,  // values at object - 32; if that is null the dict at object - 24
  kTaggedWord,      // one word at object - 24: bit 0 set: word + 1 are values; else the dict
  kDictThenInline,  // the dict at object - 24; if null, values behind the object's head when the
                    // type has Py_TPFLAGS_INLINE_VALUES and their `valid` byte is set
};

enum class Integers : std::uint8_t {
  kItemCount,  // ob_size: the number of digits, negative for a negative number
  kTag,        // lv_tag: digits << 3 | sign (0 positive, 1 zero, 2 negative)
};

// The globals of asyncio.tasks that hold every task.
enum class TaskSets : std::uint8_t {
  kAllTasks,           // the WeakSet _all_tasks
  kScheduledAndEager,  // the WeakSet _scheduled_tasks and the set _eager_tasks
};

// What says which event loop a thread runs.
enum class RunningLoop : std::uint8_t {
  kThreadDictHolder,  // thread dict, __asyncio_running_event_loop__: a holder {loop, pid}
  kThreadDict,        // the same key, the loop itself
  kThreadField,       // thread.running_loop
};

// What Thread.join waits for.
enum class ThreadJoin : std::uint8_t {
  kStateLock,  // the _thread.lock in Thread._tstate_lock
  kHandle,     // the event in the ThreadHandle behind Thread._handle
};

enum class Immortals : std::uint8_t {
  kNone,             // every object counts its references
  kNegativeLowHalf,  // immortal when bit 31 of the count is set (it is made as 0xffffffff, but an
                     // extension built for an older stable ABI still counts it up and down)
};

struct StringBits {  // of PyASCIIObject.state
  std::uint8_t kind_shift, kind_mask, compact, ascii;
};

struct Traits {
  bool frames_through_holder = false;  // thread -> _PyCFrame -> frame, not thread -> frame
  // Frames with this owner or a higher one stand for C code and hold no Python code. Above all
  // owners where the build has no such frames.
  std::uint8_t first_shim_owner = 0xff;
  std::uint8_t generator_owner = 1;  // the frame lies inside its generator object
  Suspended suspended = Suspended::kResumeArgument;
  // The states of a generator's frame: created < suspended < executing < completed < cleared.
  std::int8_t state_created = 0;
  std::int8_t state_suspended = 0;
  std::int8_t state_suspended_yield_from = 0;  // the same as state_suspended under kResumeArgument
  std::int8_t state_executing = 0;
  std::int8_t state_completed = 0;
  std::int8_t state_cleared = 0;
  Attributes attributes = Attributes::kValuesThenDict;
  Integers integers = Integers::kItemCount;
  StringBits string_bits{2, 7, 5, 6};
  TaskSets task_sets = TaskSets::kAllTasks;
  RunningLoop running_loop = RunningLoop::kThreadDictHolder;
  ThreadJoin thread_join = ThreadJoin::kStateLock;
  Immortals immortals = Immortals::kNone;
  bool task_names_may_be_ints = false;  // the int n stands for "Task-n", made when asked for
};

struct Build {
  Layout layout;
  Traits traits;
};

// The layout of a release of CPython. Error: kUnsupported, naming the version and what is read.
[[nodiscard]] Result<Build> layout_of(int major, int minor, bool free_threaded);

// Releases within 3.13 have two forms of _thread.lock; the live tp_basicsize of the type tells.
// Error: kUnsupported with both sizes when neither form has this size.
[[nodiscard]] Result<void> choose_lock(Layout& layout, std::uint64_t basic_size);

}  // namespace hangspy::python::layouts
