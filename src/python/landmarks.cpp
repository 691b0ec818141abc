#include "python/landmarks.hpp"

#include <array>

namespace hangspy::python {
namespace {

struct FunctionPlace {
  Mark mark;
  std::string_view module;
  std::string_view path;    // "Class.method" or "function"
  std::string_view nested;  // a function defined inside that one
};

constexpr std::array kFunctions = {
    FunctionPlace{Mark::kConditionWait, "threading", "Condition.wait", ""},
    FunctionPlace{Mark::kConditionWaitFor, "threading", "Condition.wait_for", ""},
    FunctionPlace{Mark::kEventWait, "threading", "Event.wait", ""},
    FunctionPlace{Mark::kThreadJoin, "threading", "Thread.join", ""},
    FunctionPlace{Mark::kWaitForThreadLock, "threading", "Thread._wait_for_tstate_lock", ""},
    FunctionPlace{Mark::kQueueGet, "queue", "Queue.get", ""},
    FunctionPlace{Mark::kQueuePut, "queue", "Queue.put", ""},
    FunctionPlace{Mark::kQueueJoin, "queue", "Queue.join", ""},
    FunctionPlace{Mark::kPoolWorker, "concurrent.futures.thread", "_worker", ""},
    FunctionPlace{Mark::kPoolItemRun, "concurrent.futures.thread", "_WorkItem.run", ""},
    FunctionPlace{Mark::kPoolShutdown, "concurrent.futures.thread", "ThreadPoolExecutor.shutdown",
                  ""},
    FunctionPlace{Mark::kFutureResult, "concurrent.futures._base", "Future.result", ""},
    FunctionPlace{Mark::kFutureException, "concurrent.futures._base", "Future.exception", ""},
    FunctionPlace{Mark::kHandleRun, "asyncio.events", "Handle._run", ""},
    FunctionPlace{Mark::kRunOnce, "asyncio.base_events", "BaseEventLoop._run_once", ""},
    FunctionPlace{Mark::kRunUntilComplete, "asyncio.base_events",
                  "BaseEventLoop.run_until_complete", ""},
    FunctionPlace{Mark::kCreateTask, "asyncio.base_events", "BaseEventLoop.create_task", ""},
    FunctionPlace{Mark::kSelect, "selectors", "EpollSelector.select", ""},
    FunctionPlace{Mark::kSelect, "selectors", "_PollLikeSelector.select", ""},
    FunctionPlace{Mark::kSelect, "selectors", "SelectSelector.select", ""},
    FunctionPlace{Mark::kWaitFor, "asyncio.tasks", "wait_for", ""},
    FunctionPlace{Mark::kGather, "asyncio.tasks", "gather", ""},
    FunctionPlace{Mark::kShield, "asyncio.tasks", "shield", ""},
    FunctionPlace{Mark::kShieldOuterDone, "asyncio.tasks", "shield", "_outer_done_callback"},
    FunctionPlace{Mark::kChainCheckCancel, "asyncio.futures", "_chain_future",
                  "_call_check_cancel"},
    FunctionPlace{Mark::kChainSetState, "asyncio.futures", "_chain_future", "_call_set_state"},
    FunctionPlace{Mark::kChainDeliver, "asyncio.futures", "_chain_future", "._set_state"},
    FunctionPlace{Mark::kGatherDone, "asyncio.tasks", "gather", "_done_callback"},
    FunctionPlace{Mark::kWaitDone, "asyncio.tasks", "_wait", "_on_completion"},
    FunctionPlace{Mark::kReleaseWaiter, "asyncio.tasks", "_release_waiter", ""},
    FunctionPlace{Mark::kTaskGroupDone, "asyncio.taskgroups", "TaskGroup._on_task_done", ""},
    FunctionPlace{Mark::kSetResult, "asyncio.futures", "_set_result_unless_cancelled", ""},
    FunctionPlace{Mark::kThreadsafeStart, "asyncio.tasks", "run_coroutine_threadsafe", "callback"},
    FunctionPlace{Mark::kTimeout, "asyncio.timeouts", "Timeout._on_timeout", ""},
    FunctionPlace{Mark::kSyncToAsyncCall, "asgiref.sync", "SyncToAsync.__call__", ""},
    FunctionPlace{Mark::kThreadHandler, "asgiref.sync", "SyncToAsync.thread_handler", ""},
    FunctionPlace{Mark::kAsyncToSyncCall, "asgiref.sync", "AsyncToSync.__call__", ""},
    FunctionPlace{Mark::kMainWrap, "asgiref.sync", "AsyncToSync.main_wrap", ""},
    FunctionPlace{Mark::kThreadSensitiveExit, "asgiref.sync", "ThreadSensitiveContext.__aexit__",
                  ""},
    FunctionPlace{Mark::kRunUntilFuture, "asgiref.current_thread_executor",
                  "CurrentThreadExecutor.run_until_future", ""},
    FunctionPlace{Mark::kCurrentItemRun, "asgiref.current_thread_executor", "_WorkItem.run", ""},
    FunctionPlace{Mark::kRequest, "django.core.handlers.asgi", "ASGIHandler.__call__", ""},
    FunctionPlace{Mark::kRequest, "uvicorn.protocols.http.h11_impl",
                  "RequestResponseCycle.run_asgi", ""},
    FunctionPlace{Mark::kRequest, "uvicorn.protocols.http.httptools_impl",
                  "RequestResponseCycle.run_asgi", ""},
    FunctionPlace{Mark::kRequest, "hypercorn.asyncio.task_group", "_handle", ""},
    FunctionPlace{Mark::kSupervisor, "gunicorn.arbiter", "Arbiter.run", ""},
    FunctionPlace{Mark::kForkedWorker, "gunicorn.arbiter", "Arbiter.spawn_worker", ""},
    FunctionPlace{Mark::kSupervisor, "uvicorn.supervisors.multiprocess", "Multiprocess.run", ""},
    FunctionPlace{Mark::kSupervisor, "uvicorn.supervisors.basereload", "BaseReload.run", ""},
    FunctionPlace{Mark::kSupervisor, "hypercorn.run", "run", ""},
};

struct TypePlace {
  TypeMark mark;
  std::string_view module;
  std::string_view name;
};

constexpr std::array kTypes = {
    TypePlace{TypeMark::kLock, "_thread", "LockType"},
    TypePlace{TypeMark::kRLock, "_thread", "RLock"},
    TypePlace{TypeMark::kCondition, "threading", "Condition"},
    TypePlace{TypeMark::kEvent, "threading", "Event"},
    TypePlace{TypeMark::kThread, "threading", "Thread"},
    TypePlace{TypeMark::kQueue, "queue", "Queue"},
    TypePlace{TypeMark::kSimpleQueue, "_queue", "SimpleQueue"},
    TypePlace{TypeMark::kConcurrentFuture, "concurrent.futures._base", "Future"},
    TypePlace{TypeMark::kThreadPool, "concurrent.futures.thread", "ThreadPoolExecutor"},
    TypePlace{TypeMark::kTask, "_asyncio", "Task"},
    TypePlace{TypeMark::kFuture, "_asyncio", "Future"},
    TypePlace{TypeMark::kGatheringFuture, "asyncio.tasks", "_GatheringFuture"},
    TypePlace{TypeMark::kHandle, "asyncio.events", "Handle"},
    TypePlace{TypeMark::kTimerHandle, "asyncio.events", "TimerHandle"},
    TypePlace{TypeMark::kTimeout, "asyncio.timeouts", "Timeout"},
    TypePlace{TypeMark::kTaskGroup, "asyncio.taskgroups", "TaskGroup"},
    TypePlace{TypeMark::kCurrentThreadExecutor, "asgiref.current_thread_executor",
              "CurrentThreadExecutor"},
    TypePlace{TypeMark::kThreadSensitiveContext, "asgiref.sync", "ThreadSensitiveContext"},
    // What @contextmanager and @asynccontextmanager make derives from it.
    TypePlace{TypeMark::kGeneratorContextManager, "contextlib", "_GeneratorContextManagerBase"},
    TypePlace{TypeMark::kExitStack, "contextlib", "_BaseExitStack"},
};

}  // namespace

Result<Landmarks> Landmarks::find(const Objects& objects, const Codes& codes, Address modules) {
  Landmarks landmarks;
  HANGSPY_TRY(entries, objects.dict(modules));
  for (const auto& [key, module] : entries) {
    const auto name = objects.text(key);
    if (!name || !objects.is_builtin(module, "module")) continue;
    HANGSPY_TRY(dict, objects.pointer(module + objects.layout().module.dict));
    landmarks.modules_.emplace(name->bytes(), dict);
  }
  landmarks.mark_functions(objects, codes);
  landmarks.mark_types(objects);
  return landmarks;
}

std::optional<Address> Landmarks::module_dict(std::string_view module) const {
  const auto found = modules_.find(module);
  return found == modules_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<Address> Landmarks::global(const Objects& objects, std::string_view module,
                                         std::string_view name) const {
  const auto dict = module_dict(module);
  if (!dict) return std::nullopt;
  return objects.lasting().item(*dict, name).value_or(std::optional<Address>{});
}

std::optional<Address> Landmarks::resolve(const Objects& objects, std::string_view module,
                                          std::string_view path) const {
  const auto dot = path.find('.');
  const auto owner = global(objects, module, path.substr(0, dot));
  if (!owner || dot == std::string_view::npos) return owner;
  const auto dict = objects.pointer(*owner + objects.layout().type.dict);
  if (!dict || !*dict) return std::nullopt;
  return objects.item(*dict, path.substr(dot + 1)).value_or(std::optional<Address>{});
}

void Landmarks::mark_functions(const Objects& objects, const Codes& codes) {
  for (const auto& place : kFunctions) {
    const auto function = resolve(objects, place.module, place.path);
    const auto code = function ? code_of(objects, *function) : std::nullopt;
    if (!code) continue;
    if (place.mark == Mark::kConditionWait) {
      const auto known = codes.at(*code);
      const auto file = known ? (*known)->file.bytes() : std::string_view{};
      library_ = file.substr(0, file.rfind('/') + 1);
    }
    if (place.nested.empty()) {
      codes_.emplace(code->value, Known{place.mark, place.path});
      continue;
    }
    for (const auto each : codes.nested(*code).value_or(Items{})) {
      const auto nested = codes.at(each);
      if (nested && (*nested)->function.bytes().ends_with(place.nested)) {
        codes_.emplace(each.value, Known{place.mark, place.nested});
      }
    }
  }
}

void Landmarks::mark_types(const Objects& objects) {
  for (const auto& place : kTypes) {
    if (const auto type = global(objects, place.module, place.name)) {
      types_[static_cast<std::size_t>(place.mark)] = *type;
    }
  }
}

Mark Landmarks::of(Address code) const {
  const auto found = codes_.find(code.value);
  return found == codes_.end() ? Mark::kNone : found->second.mark;
}

std::string_view Landmarks::name_of(Address code) const {
  const auto found = codes_.find(code.value);
  return found == codes_.end() ? std::string_view{} : found->second.name;
}

Mark Landmarks::of(const RawFrame& frame) const {
  return of(frame.code->address);
}

Mark Landmarks::of_callable(const Objects& objects, Address callable) const {
  const auto code = code_of(objects, callable);
  return code ? of(*code) : Mark::kNone;
}

Address Landmarks::type(TypeMark mark) const {
  return types_[static_cast<std::size_t>(mark)];
}

}  // namespace hangspy::python
