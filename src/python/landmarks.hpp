// Landmarks: the code objects and types of the standard library and of asgiref, Django and the
// servers, found in the target's own sys.modules.
//
// A frame is "in Condition.wait" when its code object *is* that of threading.Condition.wait in this
// process, wherever it was loaded from; a user's function of the same name is not. Names stand
// only here, to say where each landmark lies.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "python/callables.hpp"
#include "python/frames.hpp"

namespace hangspy::python {

enum class Mark : std::uint8_t {
  kNone,
  // threading, queue
  kConditionWait,
  kConditionWaitFor,
  kEventWait,
  kThreadJoin,
  kWaitForThreadLock,
  kQueueGet,
  kQueuePut,
  kQueueJoin,
  // concurrent.futures
  kPoolWorker,
  kPoolItemRun,
  kPoolShutdown,
  kFutureResult,
  kFutureException,
  // asyncio
  kHandleRun,
  kRunOnce,
  kRunUntilComplete,
  kSelect,
  kWaitFor,
  kGather,
  kShield,
  kShieldOuterDone,
  kChainCheckCancel,
  kCreateTask,
  // what sets a future: the library's own done-callbacks and handles
  kChainSetState,
  kChainDeliver,
  kGatherDone,
  kWaitDone,
  kReleaseWaiter,
  kTaskGroupDone,
  kSetResult,
  kThreadsafeStart,
  kTimeout,
  // asgiref
  kSyncToAsyncCall,
  kThreadHandler,
  kAsyncToSyncCall,
  kMainWrap,
  kRunUntilFuture,
  kCurrentItemRun,
  kThreadSensitiveExit,
  // requests, as servers and frameworks run them; supervisors, and the workers that they fork
  kRequest,
  kSupervisor,
  kForkedWorker,
  kCount,
};

enum class TypeMark : std::uint8_t {
  kLock,
  kRLock,
  kCondition,
  kEvent,
  kThread,
  kQueue,
  kSimpleQueue,
  kConcurrentFuture,
  kThreadPool,
  kTask,
  kFuture,
  kGatheringFuture,
  kHandle,
  kTimerHandle,
  kTimeout,
  kTaskGroup,
  kCurrentThreadExecutor,
  kThreadSensitiveContext,
  kGeneratorContextManager,
  kExitStack,
  kCount,
};

class Landmarks {
 public:
  // Looks every landmark up in `modules` (sys.modules). What is not imported is not there; a
  // module that cannot be read is an error.
  [[nodiscard]] static Result<Landmarks> find(const Objects& objects, const Codes& codes,
                                              Address modules);

  // Which landmark this code object is.
  [[nodiscard]] Mark of(Address code) const;
  [[nodiscard]] Mark of(const RawFrame& frame) const;
  // Its name, "SyncToAsync.__call__"; empty for any other code.
  [[nodiscard]] std::string_view name_of(Address code) const;
  [[nodiscard]] Mark of_callable(const Objects& objects, Address callable) const;
  // The type, or null when its module is not imported.
  [[nodiscard]] Address type(TypeMark mark) const;
  // A value in a module's dict, e.g. ("asyncio.tasks", "_all_tasks").
  [[nodiscard]] std::optional<Address> global(const Objects& objects, std::string_view module,
                                              std::string_view name) const;
  // The dict of a module of sys.modules.
  [[nodiscard]] std::optional<Address> module_dict(std::string_view module) const;
  // The directory of the standard library, with its last slash: that of threading's own code.
  [[nodiscard]] const std::string& library() const { return library_; }

 private:
  void mark_functions(const Objects& objects, const Codes& codes);
  void mark_types(const Objects& objects);
  [[nodiscard]] std::optional<Address> resolve(const Objects& objects, std::string_view module,
                                               std::string_view path) const;

  std::map<std::string, Address, std::less<>> modules_;  // name to dict
  struct Known {
    Mark mark;
    std::string_view name;
  };
  std::unordered_map<std::uint64_t, Known> codes_;
  std::array<Address, static_cast<std::size_t>(TypeMark::kCount)> types_{};
  std::string library_;
};

}  // namespace hangspy::python
