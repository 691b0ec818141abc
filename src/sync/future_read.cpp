// Asyncio futures: what completes the one that a task waits for.
//
// A future does not know who will set it. Its done-callbacks do, by identity: shield's outer future
// has a callback whose closure holds the inner one; a future chained to a concurrent one has a
// callback whose closure holds its source; and a task's own callback may hold the future that it
// will set (wait_for, wait, gather, a TaskGroup, run_coroutine_threadsafe). Both directions are
// read.
//
// Sources: Lib/asyncio/{tasks,futures,taskgroups}.py, tags v3.11.7 to v3.13.0.
#include <algorithm>
#include <set>
#include <unordered_set>

#include "sync/moving.hpp"
#include "sync/reads.hpp"

namespace hangspy::sync {
namespace {

using python::Mark;
using python::Objects;
using python::TypeMark;
using snapshot::CompleterKind;
using snapshot::Completion;

constexpr std::size_t kMaxFutures = 200'000;

// A done-callback list: the first in a field of its own, the others as (callback, context) pairs.
python::Items callbacks_of(const python::Process& process, Address future) {
  const auto& objects = process.objects();
  const auto& field = objects.layout().future;
  python::Items callbacks;
  const auto first = objects.pointer(future + field.callback);
  if (first && *first && !objects.is_none(*first)) callbacks.push_back(*first);
  const auto list_at = objects.pointer(future + field.callbacks);
  if (!list_at || !*list_at || objects.is_none(*list_at)) return callbacks;
  const auto pairs = objects.list(*list_at).value_or(python::Items{});
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    objects.expect_in_turn(pairs, i);
    if (const auto callback = objects.tuple_front(pairs[i])) callbacks.push_back(*callback);
  }
  return callbacks;
}

// The reader of one snapshot's futures: a worklist, so that chains of any length take no recursion.
class FutureReading {
 public:
  FutureReading(const python::Process& process, snapshot::Snapshot& snapshot)
      : process_(process), snapshot_(snapshot) {}

  // What only a task that is fresh leads to is as fresh; see python::Process, "what moves".
  void read() {
    seen_.reserve(process_.tasks().size());
    read_from(false);
    fresh_ = true;
    read_from(true);
    if (!queue_.empty()) snapshot_.missing.emplace_back("more than 200,000 asyncio futures");
  }

 private:
  // Nearly every future has one, in a field of its own.
  void expect_callbacks(std::span<const Address> futures) const {
    process_.objects().expect(futures);
    process_.objects().expect_behind(futures, process_.objects().layout().future.callback);
  }

  // Many tasks only wait, so that no more need be read of them than was.
  void read_from(bool fresh) {
    python::Items callers;
    const auto& tasks = process_.tasks();
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      const bool is_pending = tasks[i].state == snapshot::FutureState::kPending;
      if (!is_pending || process_.is_fresh(tasks[i].object) != fresh) continue;
      read_moving(process_, snapshot_, fresh_, [&] {
        if (tasks[i].waits_for) visit(tasks[i].waits_for);
      });
      if (process_.may_call_back(i)) callers.push_back(tasks[i].object);
    }
    for (std::size_t i = 0; i < callers.size(); ++i) {
      if (i % Objects::kAtATime == 0) expect_callbacks(Objects::some_of(callers, i));
      read_moving(process_, snapshot_, fresh_, [&] { read_callbacks(callers[i]); });
    }
    read_queue();
  }

  void read_queue() {
    snapshot_.futures.reserve(snapshot_.futures.size() + queue_.size());
    for (std::size_t i = 0; !queue_.empty() && seen_.size() < kMaxFutures; ++i) {
      const auto next = std::min(Objects::kAtATime, queue_.size());
      if (i % Objects::kAtATime == 0) expect_callbacks(std::span(queue_).last(next));
      const auto future = queue_.back();
      queue_.pop_back();
      const auto place = snapshot_.futures.size();
      const bool torn = read_moving(process_, snapshot_, fresh_, [&] { read_future(future); });
      if (!torn) continue;
      snapshot_.futures.resize(place);
      snapshot_.futures.push_back({.object = future, .moves = true});
    }
  }

  void visit(Address future) {
    if (seen_.contains(future.value)) return;  // before anything is read: many wait for one
    if (!process_.is_task(future) && process_.is_future(future)) enqueue(future);
  }

  void enqueue(Address future) {
    if (seen_.insert(future.value).second) queue_.push_back(future);
  }

  void read_future(Address future) {
    const auto state = process_.future_state(future);
    const auto loop = process_.objects().pointer(future + process_.objects().layout().future.loop);
    if (!state || !loop) {
      snapshot_.missing.push_back("the future at " + to_hex(future));
      return;
    }
    const auto gathering = process_.landmarks().type(TypeMark::kGatheringFuture);
    snapshot_.futures.push_back({future, *state, *loop});
    if (*state != snapshot::FutureState::kPending) return;
    if (process_.objects().is_instance(future, gathering)) read_children(future);
    read_callbacks(future);
  }

  // A gather needs all its children only with return_exceptions: else the first that fails ends it,
  // so any child that can act may.
  void read_children(Address future) {
    const auto& objects = process_.objects();
    const auto list_at = objects.find(future, "_children");
    const auto children = list_at && *list_at ? objects.list(**list_at)
                                              : fail(Failure::kImplausible, "it has no children");
    if (!children) {
      snapshot_.missing.push_back("a gather: " + children.error().what);
      return;
    }
    for (const auto child : *children) {
      const auto state = process_.future_state(child);
      if (state && *state != snapshot::FutureState::kPending) continue;
      complete(future, child, "gather");
      if (needs_all(child)) snapshot_.futures.back().gathers = true;
    }
  }

  bool needs_all(Address child) const {
    const auto& objects = process_.objects();
    for (const auto callback : callbacks_of(process_, child)) {
      if (process_.landmarks().of_callable(objects, callback) != Mark::kGatherDone) continue;
      const auto flag =
          python::closure_variable(objects, process_.codes(), callback, "return_exceptions");
      if (flag) return objects.is_true(*flag);
    }
    return false;
  }

  void read_callbacks(Address object) {
    const auto& objects = process_.objects();
    const bool is_task = process_.is_task(object);
    const auto callbacks = callbacks_of(process_, object);
    for (std::size_t i = 0; i < callbacks.size(); ++i) {
      objects.expect_in_turn(callbacks, i);
      const auto mark = process_.landmarks().of_callable(objects, callbacks[i]);
      if (!is_task) read_incoming(object, callbacks[i], mark);
      read_outgoing(object, callbacks[i], mark);
    }
  }

  // A callback of the future itself that leads to its source.
  void read_incoming(Address future, Address callback, Mark mark) {
    const bool shield = mark == Mark::kShieldOuterDone;
    if (!shield && mark != Mark::kChainCheckCancel) return;
    const auto source = python::closure_variable(process_.objects(), process_.codes(), callback,
                                                 shield ? "inner" : "source");
    if (source) complete(future, *source, shield ? "shield" : "chained future");
  }

  // One of the library's own callbacks of `completer` that will set another future. A user's
  // callback may hold a future for any reason, so it tells nothing.
  void read_outgoing(Address completer, Address callback, Mark mark) {
    const auto [evidence, held] = set_by(callback, mark);
    for (const auto future : held) {
      if (future == completer) continue;
      if (is_concurrent(future)) {
        add({future, true, completer, kind_of(completer), evidence});
      } else if (process_.is_future(future) && !process_.is_task(future)) {
        complete(future, completer, evidence);
      }
    }
  }

  struct SetBy {
    const char* evidence = "";
    python::Items futures;
  };
  SetBy set_by(Address callback, Mark mark) const {
    const auto& objects = process_.objects();
    switch (mark) {
      case Mark::kNone: {
        const auto partial = python::partial(objects, callback);
        const bool releases = partial && process_.landmarks().of_callable(
                                             objects, partial->function) == Mark::kReleaseWaiter;
        return releases ? SetBy{"wait_for", partial->arguments} : SetBy{};
      }
      case Mark::kWaitDone:
        return {"wait", variable(callback, "waiter")};
      case Mark::kChainSetState:
        return {"chained future", variable(callback, "destination")};
      case Mark::kTaskGroupDone: {
        const auto method = python::bound_method(objects, callback);
        const auto done = method ? objects.find(method->self, "_on_completed_fut")
                                 : fail(Failure::kImplausible, "");
        return {"task group", done && *done ? python::Items{**done} : python::Items{}};
      }
      default:
        return {};
    }
  }

  python::Items variable(Address callback, std::string_view name) const {
    const auto held =
        python::closure_variable(process_.objects(), process_.codes(), callback, name);
    return held ? python::Items{*held} : python::Items{};
  }

  bool is_concurrent(Address object) const {
    const auto type = process_.landmarks().type(TypeMark::kConcurrentFuture);
    return process_.objects().is_instance(object, type);
  }

  CompleterKind kind_of(Address object) const {
    if (is_concurrent(object)) return CompleterKind::kConcurrentFuture;
    return process_.is_task(object) ? CompleterKind::kTask : CompleterKind::kFuture;
  }

  void complete(Address future, Address completer, const char* evidence) {
    visit(future);
    visit(completer);
    add({future, false, completer, kind_of(completer), evidence});
  }

  void add(Completion completion) {
    if (pairs_.emplace(completion.future, completion.completer).second) {
      snapshot_.completions.push_back(std::move(completion));
    }
  }

  const python::Process& process_;
  snapshot::Snapshot& snapshot_;
  bool fresh_ = false;  // what is read now
  std::unordered_set<std::uint64_t> seen_;
  std::set<std::pair<Address, Address>> pairs_;
  python::Items queue_;
};

void read_call_result(const python::Process& process, const snapshot::Task& task,
                      snapshot::Snapshot& snapshot) {
  for (const auto& link : task.chain) {
    if (!link.frame || process.landmarks().of((*link.frame)->code) != Mark::kMainWrap) continue;
    const auto frame = process.frames().raw(*link.frame);
    if (!frame) continue;
    const auto result = process.frames().local(*frame, "call_result");
    if (!result || !*result) continue;
    snapshot.completions.push_back(
        {**result, true, task.object, CompleterKind::kTask, "call_result"});
  }
}

}  // namespace

void read_futures(const python::Process& process, snapshot::Snapshot& snapshot) {
  FutureReading(process, snapshot).read();
}

void read_async_to_sync(const python::Process& process, snapshot::Snapshot& snapshot) {
  for (const auto& task : process.tasks()) {
    read_moving(process, snapshot, process.is_fresh(task.object),
                [&] { read_call_result(process, task, snapshot); });
  }
}

}  // namespace hangspy::sync
