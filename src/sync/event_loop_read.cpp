// Event loops: who runs each, and what it will run: ready handles, timers, registered descriptors.
//
// A loop written in Python keeps them in `_ready`, `_scheduled` and its selector's `_fd_to_key`
// (Lib/asyncio/base_events.py, Lib/selectors.py). uvloop's are C structs: then the loop counts as
// not readable, and only what needs its inside is unknown. So does one with more than is read.
#include <algorithm>

#include "sync/futex.hpp"
#include "sync/moving.hpp"
#include "sync/reads.hpp"

namespace hangspy::sync {
namespace {

using python::Mark;
using python::TypeMark;
using snapshot::HandleKind;

constexpr std::size_t kMaxHandles = 120'000;
constexpr std::int64_t kEpollWait = 232;
constexpr std::int64_t kEpollPwait = 281;
constexpr std::int64_t kEpollPwait2 = 441;

Address slot(const std::vector<std::pair<std::string, Address>>& slots, std::string_view name) {
  for (const auto& [key, held] : slots) {
    if (key == name) return held;
  }
  return {};
}

// A coroutine that the handle will start; async_to_sync's own has the future of its result.
void note_coroutine(const python::Process& process, Address object, snapshot::Handle& handle) {
  const auto& objects = process.objects();
  if (!objects.is_builtin(object, "coroutine")) return;
  handle.starts_coroutine = object;
  const auto frame = python::frame_inside(objects, process.frames(), object);
  if (!frame || !*frame) return;
  handle.coroutine_frame = process.frames().fact(**frame);
  if (process.landmarks().of(**frame) != Mark::kMainWrap) return;
  const auto result = process.frames().local(**frame, "call_result");
  if (result && *result) handle.completes.push_back(**result);
}

// The callbacks of the library that set the futures that they hold. A user's callback may hold a
// future for any reason.
bool sets_futures(Mark callback) {
  return callback == Mark::kSetResult || callback == Mark::kReleaseWaiter ||
         callback == Mark::kChainDeliver || callback == Mark::kThreadsafeStart;
}

void note_reference(const python::Process& process, Address object, Mark callback,
                    snapshot::Handle& handle) {
  const auto concurrent = process.landmarks().type(TypeMark::kConcurrentFuture);
  if (process.is_task(object)) {
    if (handle.kind == HandleKind::kTimer) handle.times_out_task = object;
  } else if (process.is_future(object) || process.objects().is_instance(object, concurrent)) {
    if (sets_futures(callback)) handle.completes.push_back(object);
  } else {
    note_coroutine(process, object, handle);
  }
}

Address stepped_task(const python::Process& process, Address callback) {
  const auto& objects = process.objects();
  const auto type = objects.type_of(callback);
  const auto name = type ? objects.type_name(*type) : fail(Failure::kImplausible, "");
  if (name && name->bytes().ends_with("TaskStepMethWrapper")) {
    return objects.pointer(callback + objects.layout().task_step.task).value_or(Address{});
  }
  const auto method = python::bound_method(objects, callback);
  return method && process.is_task(method->self) ? method->self : Address{};
}

// A task that the callback may cancel: the one whose `cancel` it is; or, of a timer, one that its
// object keeps (asyncio.Timeout._task, a cancel scope's host task). It may end that task's wait.
void note_cancellable(const python::Process& process, const python::BoundMethod& method,
                      snapshot::Handle& handle) {
  if (process.is_task(method.self)) {
    if (method.name == "cancel") handle.times_out_task = method.self;
    return;
  }
  if (!method.function || handle.kind != HandleKind::kTimer) return;
  const auto kept = process.objects().attributes(method.self);
  for (const auto& [name, value] : kept.value_or(std::vector<python::Entry>{})) {
    if (process.is_task(value)) handle.times_out_task = value;
  }
}

void read_callback(const python::Process& process, Address callback, snapshot::Handle& handle) {
  const auto& objects = process.objects();
  handle.callback = python::callable_name(objects, callback);
  handle.runs_task = stepped_task(process, callback);
  if (const auto method = python::bound_method(objects, callback)) {
    note_cancellable(process, *method, handle);
  }
  const auto mark = process.landmarks().of_callable(objects, callback);
  for (const auto each : python::closure_contents(objects, callback)) {
    note_reference(process, each, mark, handle);
  }
}

// Nothing of one that was cancelled, or of the None that stands for none.
Result<std::optional<snapshot::Handle>> handle_fact(const python::Process& process, Address object,
                                                    Address loop, HandleKind kind) {
  const auto& objects = process.objects();
  if (objects.is_none(object)) return std::optional<snapshot::Handle>{};
  if (!objects.is_instance(object, process.landmarks().type(TypeMark::kHandle))) {
    return fail(Failure::kImplausible, "no handle lies at " + to_hex(object));
  }
  HANGSPY_TRY(slots, objects.slots(object));
  if (objects.is_true(slot(slots, "_cancelled"))) return std::optional<snapshot::Handle>{};
  snapshot::Handle handle;
  handle.object = object;
  handle.loop = loop;
  handle.kind = kind;
  if (const auto when = slot(slots, "_when")) handle.when = objects.real(when).value_or(0);
  const auto callback = slot(slots, "_callback");
  if (callback) read_callback(process, callback, handle);
  const auto mark = process.landmarks().of_callable(objects, callback);
  const auto arguments = objects.tuple(slot(slots, "_args")).value_or(python::Items{});
  for (const auto each : arguments) note_reference(process, each, mark, handle);
  return handle;
}

void forget_what_it_frees(snapshot::Handle& handle) {
  handle.completes.clear();
  handle.runs_task = handle.starts_coroutine = handle.times_out_task = {};
}

// What `read` gives; nothing, and no error, where it failed because it is torn: that does no harm
// here, see read_moving().
template <class Read>
auto unless_torn(const python::Process& process, const Read& read) -> decltype(read()) {
  const auto begin = process.moment();
  auto outcome = read();
  if (!outcome && process.torn_since(begin)) return {};
  return outcome;
}

Result<void> add_handle(const python::Process& process, Address object, HandleKind kind,
                        snapshot::EventLoop& loop) {
  const auto begin = process.moment();
  HANGSPY_TRY(handle, unless_torn(process,
                                  [&] { return handle_fact(process, object, loop.object, kind); }));
  if (!handle) return {};
  // Parts of two handles that lay there one after the other may seem to be of one.
  if (process.torn_since(begin)) forget_what_it_frees(*handle);
  loop.handles.push_back(std::move(*handle));
  return {};
}

Result<void> add_handles(const python::Process& process, const python::Items& objects,
                         HandleKind kind, snapshot::EventLoop& loop) {
  for (const auto object : objects) {
    if (loop.handles.size() >= kMaxHandles) break;
    HANGSPY_CHECK(add_handle(process, object, kind, loop));
  }
  return {};
}

// fd -> SelectorKey(fileobj, fd, events, data), whose data is a pair of handles, or of a stranger.
Result<void> add_descriptor(const python::Process& process, const python::Entry& registered,
                            snapshot::EventLoop& loop) {
  const auto& objects = process.objects();
  HANGSPY_TRY(fields, objects.tuple(registered.second));
  if (fields.size() < 4) return {};
  HANGSPY_TRY(is_pair, objects.is_kind(fields[3], python::Kind::kTuple));
  if (!is_pair) return {};
  const auto before = loop.handles.size();
  HANGSPY_TRY(pair, objects.tuple(fields[3]));
  HANGSPY_CHECK(add_handles(process, pair, HandleKind::kDescriptor, loop));
  const auto number = static_cast<std::int32_t>(objects.integer(registered.first).value_or(-1));
  for (auto i = before; i < loop.handles.size(); ++i) loop.handles[i].descriptor = number;
  return {};
}

Result<void> add_descriptors(const python::Process& process, Address selector,
                             snapshot::EventLoop& loop) {
  if (process.objects().is_none(selector)) return {};  // the loop is closed
  HANGSPY_TRY(keys, process.objects().find(selector, "_fd_to_key"));
  if (!keys) return {};
  HANGSPY_TRY(registered, process.objects().dict(*keys));
  for (const auto& each : registered) {
    HANGSPY_CHECK(unless_torn(process, [&] { return add_descriptor(process, each, loop); }));
  }
  return {};
}

// What it will run. It is read to the end, whatever is missing of it.
Result<void> add_all_handles(const python::Process& process, Address ready, Address scheduled,
                             Address selector, snapshot::EventLoop& loop) {
  const auto& objects = process.objects();
  const auto add_queue = [&](const auto& read, HandleKind kind) -> Result<void> {
    HANGSPY_TRY(queue, unless_torn(process, read));
    return add_handles(process, queue, kind, loop);
  };
  const auto now = add_queue([&] { return objects.deque(ready); }, HandleKind::kReady);
  const auto later = add_queue([&] { return objects.list(scheduled); }, HandleKind::kTimer);
  auto outside = unless_torn(process, [&] { return add_descriptors(process, selector, loop); });
  HANGSPY_CHECK(now);
  HANGSPY_CHECK(later);
  if (loop.handles.size() >= kMaxHandles) {
    return fail(Failure::kLimit, std::to_string(kMaxHandles) + " handles and maybe more");
  }
  return outside;
}

snapshot::EventLoop loop_fact(const python::Process& process, Address object,
                              snapshot::Snapshot& snapshot) {
  const auto& objects = process.objects();
  snapshot::EventLoop loop;
  loop.object = object;
  const auto type = objects.type_of(object);
  if (type) loop.type = objects.full_type_name(*type).value_or(Text{});
  const auto ready = objects.find(object, "_ready");
  const auto scheduled = objects.find(object, "_scheduled");
  const auto selector = objects.find(object, "_selector");
  loop.readable = ready && *ready && scheduled && *scheduled && selector && *selector;
  if (!loop.readable) return loop;
  const auto added = add_all_handles(process, **ready, **scheduled, **selector, loop);
  loop.readable = added.has_value();
  if (!added) snapshot.missing.push_back("what an event loop will run: " + added.error().what);
  return loop;
}

snapshot::EventLoop& known_loop(const python::Process& process, Address object,
                                snapshot::Snapshot& snapshot) {
  for (auto& each : snapshot.loops) {
    if (each.object == object) return each;
  }
  // What it will run only lets others go on, so it may be torn where the loop turns.
  const bool turns =
      std::any_of(process.threads().begin(), process.threads().end(),
                  [&](const auto& each) { return each.kernel.ran && each.running_loop == object; });
  snapshot::EventLoop loop;
  read_moving(process, snapshot, turns, [&] { loop = loop_fact(process, object, snapshot); });
  return snapshot.loops.emplace_back(std::move(loop));
}

bool in_selector_call(const python::RawThread& thread) {
  return thread.kernel.activity == target::Activity::kInSyscall &&
         (thread.kernel.syscall == kEpollWait || thread.kernel.syscall == kEpollPwait ||
          thread.kernel.syscall == kEpollPwait2);
}

// Whether the loop runs a task at this moment: then an epoll_wait is not the loop's own.
bool runs_a_task(const python::Process& process, Address loop) {
  return std::any_of(process.tasks().begin(), process.tasks().end(), [&](const auto& task) {
    return task.loop == loop && process.is_running(task.object);
  });
}

}  // namespace

ThreadWait event_loop_wait(const python::Process& process, const python::RawThread& thread) {
  const auto loop = thread.running_loop;
  if (!loop) return std::nullopt;
  const bool own_select = thread.marks.size() > 1 && thread.marks[0] == Mark::kSelect &&
                          thread.marks[1] == Mark::kRunOnce;
  const bool has_python_frames =
      std::find(thread.marks.begin(), thread.marks.end(), Mark::kRunOnce) != thread.marks.end();
  const bool native_select =
      !has_python_frames && in_selector_call(thread) && !runs_a_task(process, loop);
  if (!own_select && !native_select) return std::nullopt;
  return snapshot::ThreadWait{.kind = snapshot::WaitKind::kSelector,
                              .object = loop,
                              .frame = own_select ? 1U : 0U,
                              .timed = false,
                              .evidence = {own_select ? "frame" : "system call"}};
}

void read_event_loops(const python::Process& process, snapshot::Snapshot& snapshot) {
  for (const auto& task : process.tasks()) {
    if (task.state == snapshot::FutureState::kPending && task.loop) {
      known_loop(process, task.loop, snapshot);
    }
  }
  for (const auto& thread : process.threads()) {
    if (!thread.running_loop) continue;
    known_loop(process, thread.running_loop, snapshot).thread = thread.state;
  }
}

}  // namespace hangspy::sync
