#include "edge_in_memory.hpp"

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "raw_objects.hpp"

namespace hangspy::fuzz {
namespace {

using graph::NodeKind;
using graph::Relation;
using python::layouts::kAbsent;

constexpr std::uint64_t kHandleSlots = 10;  // of a TimerHandle (Lib/asyncio/events.py)
constexpr int kMaxManagers = 4;  // one behind the other: a generator's `with` in a `with`

bool has(const Items& all, Address one) {
  return std::ranges::find(all, one) != all.end();
}

bool ends_with_any(const std::string& name, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](auto each) { return name.ends_with(each); });
}

class Rules {
 public:
  Rules(const RawObjects& objects, Items threads)
      : objects_(objects), layout_(objects.layout()), threads_(std::move(threads)) {}

  bool allow(const graph::NodeId& from, const graph::NodeId& to, Relation relation) const {
    switch (relation) {
      case Relation::kWaitsFor:
        return waits_for(from, to);
      case Relation::kHeldBy:
        return from.kind == NodeKind::kLock && held_by(from.object, to);
      case Relation::kCompletedBy:
        return completed_by(from, to);
      case Relation::kServedBy:
        return from.kind == NodeKind::kExecutor && served_by(from.object, to);
      case Relation::kQueuedBehind:
        return from.kind == NodeKind::kWorkItem && to.kind == NodeKind::kExecutor &&
               is_queued(from.object, to.object);
      case Relation::kRunsOn:
        return runs_on(from, to);
    }
    return false;
  }

 private:
  static bool is_future(NodeKind kind) {
    return kind == NodeKind::kFuture || kind == NodeKind::kTask;
  }

  // ---- waits_for

  bool waits_for(const graph::NodeId& from, const graph::NodeId& to) const {
    switch (from.kind) {
      case NodeKind::kTask:
        return is_future(to.kind) &&
               objects_.pointer(from.object + layout_.task.waits_for) == to.object;
      case NodeKind::kWorkItem:
        return is_future(to.kind) && std::ranges::any_of(threads_, [&](Address thread) {
                 return runs(thread, "_WorkItem.run", from.object) && runs_until(thread, to.object);
               });
      case NodeKind::kThread:
        return thread_waits_for(from.object, to);
      default:
        return false;
    }
  }

  bool thread_waits_for(Address thread, const graph::NodeId& to) const {
    switch (to.kind) {
      case NodeKind::kTask:
      case NodeKind::kFuture:
        return runs_until(thread, to.object);
      case NodeKind::kThread:
        return joins(thread, to.object);
      case NodeKind::kLock:
        return parks_at(thread, to.object);
      case NodeKind::kQueue:
        return parks_at(thread, to.object) ||
               waits_in(thread, {"Queue.get", "Queue.put", "Queue.join"}, 0, to.object);
      case NodeKind::kCondition:
        return waits_in(thread, {"Condition.wait"}, 0, to.object);
      case NodeKind::kEvent:
        return waits_in(thread, {"Event.wait"}, 0, to.object);
      case NodeKind::kConcurrentFuture:
        return waits_in(thread, {"Future.result", "Future.exception"}, 0, to.object) ||
               waits_in(thread, {"CurrentThreadExecutor.run_until_future"}, 1, to.object);
      default:
        return false;
    }
  }

  // The frames of a thread that waits for its own lock in Condition.wait: those of its callers in
  // the library, and the one that waits in these.
  Items waiting_frames(Address thread) const {
    auto frames = objects_.frames(thread);
    if (frames.empty() || objects_.code_name(frames[0]) != "Condition.wait") return {};
    const auto waiters = objects_.locals(frames[0]);
    if (std::ranges::none_of(waiters, [&](Address each) { return parks_at(thread, each); })) {
      return {};
    }
    const auto waits = std::ranges::find_if_not(frames, [&](Address each) {
      const auto name = objects_.code_name(each);
      return name.starts_with("Condition.") || name.starts_with("Queue.");
    });
    if (waits != frames.end()) frames.erase(waits + 1, frames.end());
    return frames;
  }

  // In one of these functions, of which the object is the `index`th argument.
  bool waits_in(Address thread, std::initializer_list<std::string_view> functions,
                std::uint64_t index, Address object) const {
    return std::ranges::any_of(waiting_frames(thread), [&](Address each) {
      return objects_.local(each, index) == object &&
             ends_with_any(objects_.code_name(each), functions);
    });
  }

  // Its futex is the object's semaphore, or it has left word beside its futex of the mutex or event
  // at which it parks.
  bool parks_at(Address thread, Address object) const {
    const auto futex = objects_.futex(thread);
    if (!futex || !object) return false;
    if (objects_.is(object, "_thread.RLock")) {
      return objects_.pointer(object + layout_.recursive_lock.semaphore) == futex;
    }
    if (objects_.is(object, "_thread._ThreadHandle")) {
      const auto handle = objects_.pointer(object + layout_.thread_handle_object.handle);
      return objects_.pointer(futex - 8) == handle + layout_.thread_handle.is_exiting;
    }
    const bool is_lock = objects_.is(object, "_thread.lock");
    if (!is_lock && !objects_.is(object, "_queue.SimpleQueue")) return false;
    const auto semaphore = is_lock ? layout_.lock.semaphore : layout_.simple_queue.lock;
    return (semaphore != kAbsent && objects_.pointer(object + semaphore) == futex) ||
           objects_.pointer(futex - 8) == object + layout_.object.size;
  }

  // In a Thread.join it waits for something of the thread that has this identity.
  bool joins(Address thread, Address other) const {
    const auto frames = objects_.frames(thread);
    const auto join = std::ranges::find_if(
        frames, [&](Address each) { return objects_.code_name(each) == "Thread.join"; });
    if (join == frames.end()) return false;
    const auto ident = objects_.pointer(other + layout_.thread.thread_id).value;
    const auto kept = objects_.attributes(objects_.local(*join, 0));
    return std::ranges::any_of(kept, [&](Address each) { return parks_at(thread, each); }) &&
           std::ranges::any_of(kept, [&](Address each) { return objects_.integer(each) == ident; });
  }

  bool runs_until(Address thread, Address future) const {
    return std::ranges::any_of(objects_.frames(thread), [&](Address frame) {
      return objects_.local(frame, 1) == future &&
             objects_.code_name(frame) == "BaseEventLoop.run_until_complete";
    });
  }

  // ---- held_by

  bool held_by(Address lock, const graph::NodeId& holder) const {
    if (holder.kind == NodeKind::kTask) {
      const auto coroutine = objects_.pointer(holder.object + layout_.task.coroutine);
      return any_has_entered(objects_.awaiting_frames(coroutine), lock);
    }
    if (holder.kind != NodeKind::kThread) return false;
    if (!objects_.is(lock, "_thread.RLock")) {
      return any_has_entered(objects_.frames(holder.object), lock);
    }
    return objects_.pointer(lock + layout_.recursive_lock.owner) ==
           objects_.pointer(holder.object + layout_.thread.thread_id);
  }

  bool any_has_entered(const Items& frames, Address lock) const {
    return std::ranges::any_of(frames,
                               [&](Address each) { return has_entered(each, lock, kMaxManagers); });
  }

  bool has_entered(Address frame, Address lock, int managers) const {
    return std::ranges::any_of(objects_.entered(frame),
                               [&](Address each) { return keeps(each, lock, managers); });
  }

  // The lock itself, a Condition with it, a generator inside a `with` of it, an ExitStack.
  bool keeps(Address entered, Address lock, int managers) const {
    if (entered == lock) return true;
    if (managers == 0) return false;
    const auto kept = objects_.attributes(entered);
    if (objects_.is(entered, "Condition")) return has(kept, lock);
    return std::ranges::any_of(kept, [&](Address each) {
      if (const auto frame = objects_.frame_in(each)) {
        return has_entered(frame, lock, managers - 1);
      }
      return std::ranges::any_of(objects_.items(each), [&](Address callback) {
        return std::ranges::any_of(objects_.items(callback), [&](Address exit) {
          const auto self = objects_.method(exit).self;
          return self && keeps(self, lock, managers - 1);
        });
      });
    });
  }

  // ---- completed_by

  bool completed_by(const graph::NodeId& from, const graph::NodeId& to) const {
    const bool is_concurrent = from.kind == NodeKind::kConcurrentFuture;
    if (from.kind == NodeKind::kTask) {
      return to.kind == NodeKind::kHandle && may_cancel(to.object, from.object);
    }
    if (from.kind != NodeKind::kFuture && !is_concurrent) return false;
    switch (to.kind) {
      case NodeKind::kHandle:
        return handle_sets(to.object, from.object);
      case NodeKind::kWorkItem:
        return is_concurrent && has(objects_.attributes(to.object), from.object);
      case NodeKind::kConcurrentFuture:
        return !is_concurrent && leads_to_source(from.object, to.object);
      case NodeKind::kTask:
      case NodeKind::kFuture:
        return sets(to.object, from.object) ||
               (is_concurrent ? is_result_of(from.object, to.object)
                              : leads_to_source(from.object, to.object) ||
                                    is_gathered(to.object, from.object));
      default:
        return false;
    }
  }

  // What is called when the future is done.
  Items callbacks(Address future) const {
    Items found{objects_.pointer(future + layout_.future.callback)};
    for (const auto pair : objects_.items(objects_.pointer(future + layout_.future.callbacks))) {
      const auto parts = objects_.items(pair);
      if (!parts.empty()) found.push_back(parts.front());
    }
    return found;
  }

  // The futures that a callback of wait_for will set.
  Items released_by(Address callback) const {
    if (!objects_.is(callback, "functools.partial")) return {};
    const auto function = objects_.pointer(callback + layout_.partial.function);
    if (objects_.function_name(function) != "_release_waiter") return {};
    return objects_.items(objects_.pointer(callback + layout_.partial.arguments));
  }

  // And one of a TaskGroup, of asyncio.wait, of a chain: among what it has.
  Items set_by(Address callback) const {
    const auto [self, name] = objects_.method(callback);
    if (name == "TaskGroup._on_task_done") return objects_.attributes(self);
    const bool sets =
        ends_with_any(objects_.function_name(callback), {"._call_set_state", "._on_completion"});
    return sets ? objects_.closure(callback) : released_by(callback);
  }

  bool sets(Address completer, Address future) const {
    return std::ranges::any_of(callbacks(completer),
                               [&](Address each) { return has(set_by(each), future); });
  }

  // A callback of the one that waits has what it waits for, to cancel it with.
  bool leads_to_source(Address future, Address source) const {
    return std::ranges::any_of(callbacks(future), [&](Address callback) {
      return ends_with_any(objects_.function_name(callback),
                           {"._call_check_cancel", "._outer_done_callback"}) &&
             has(objects_.closure(callback), source);
    });
  }

  bool is_gathered(Address child, Address future) const {
    return objects_.is(future, "_GatheringFuture") &&
           std::ranges::any_of(objects_.attributes(future),
                               [&](Address each) { return has(objects_.items(each), child); });
  }

  // async_to_sync's own coroutine, inside the task, has the future of its result.
  bool is_result_of(Address future, Address task) const {
    return takes_result(objects_.pointer(task + layout_.task.coroutine), future);
  }

  bool takes_result(Address coroutine, Address future) const {
    return std::ranges::any_of(objects_.awaiting_frames(coroutine), [&](Address frame) {
      return objects_.code_name(frame) == "AsyncToSync.main_wrap" &&
             has(objects_.locals(frame), future);
    });
  }

  // What a handle calls, and with what: two of its slots.
  Items parts(Address handle) const {
    Items found;
    for (std::uint64_t i = 0; i < kHandleSlots; ++i) {
      found.push_back(objects_.pointer(handle + layout_.object.size + 8 * i));
    }
    return found;
  }

  bool handle_sets(Address handle, Address future) const {
    const auto own = parts(handle);
    const auto is_setter = [&](Address each) {
      return ends_with_any(objects_.function_name(each),
                           {"_set_result_unless_cancelled", "_release_waiter", "._set_state",
                            "run_coroutine_threadsafe.<locals>.callback"});
    };
    const auto setter = std::ranges::find_if(own, is_setter);
    if (setter != own.end() && has(objects_.closure(*setter), future)) return true;
    return std::ranges::any_of(own, [&](Address arguments) {
      const auto all = objects_.items(arguments);
      return (setter != own.end() && has(all, future)) ||
             std::ranges::any_of(all, [&](Address each) { return takes_result(each, future); });
    });
  }

  // It has the task, or calls what keeps it; or it ends the wait for it, as that of wait_for.
  bool may_cancel(Address handle, Address task) const {
    const auto own = parts(handle);
    const bool keeps_it = std::ranges::any_of(own, [&](Address each) {
      const auto self = objects_.method(each).self;
      return has(objects_.items(each), task) ||
             (self && (self == task || has(objects_.attributes(self), task)));
    });
    return keeps_it || std::ranges::any_of(callbacks(task), [&](Address callback) {
             return std::ranges::any_of(released_by(callback), [&](Address future) {
               return handle_sets(handle, future);
             });
           });
  }

  // ---- served_by and queued_behind

  bool served_by(Address executor, const graph::NodeId& to) const {
    if (to.kind == NodeKind::kThread) return serves(to.object, executor);
    return to.kind == NodeKind::kWorkItem && std::ranges::any_of(threads_, [&](Address thread) {
             return runs(thread, "_WorkItem.run", to.object) && serves(thread, executor);
           });
  }

  // A pool's thread has a weak reference to it, and its queue, which stands for one that is gone.
  // An executor of the thread itself needs it only while the thread is not there, waiting for work.
  bool serves(Address thread, Address executor) const {
    return std::ranges::any_of(objects_.frames(thread), [&](Address frame) {
      const auto name = objects_.code_name(frame);
      const auto own = objects_.local(frame, 0);
      if (name == "CurrentThreadExecutor.run_until_future") {
        return own == executor && !has(waiting_frames(thread), frame);
      }
      return name == "_worker" &&
             (objects_.pointer(own + layout_.weak_reference.object) == executor ||
              objects_.local(frame, 1) == executor);
    });
  }

  // In a queue of the executor: itself one, an attribute, or a queue.Queue's deque.
  bool is_queued(Address item, Address executor) const {
    if (has(objects_.items(executor), item)) return true;
    return std::ranges::any_of(objects_.attributes(executor), [&](Address queue) {
      return has(objects_.items(queue), item) ||
             std::ranges::any_of(objects_.attributes(queue),
                                 [&](Address each) { return has(objects_.items(each), item); });
    });
  }

  // ---- runs_on

  bool runs_on(const graph::NodeId& from, const graph::NodeId& to) const {
    if (to.kind == NodeKind::kEventLoop) {
      if (from.kind == NodeKind::kHandle) return will_run(to.object, from.object);
      return from.kind == NodeKind::kTask && objects_.is_pending(from.object) &&
             objects_.pointer(from.object + layout_.future.loop) == to.object;
    }
    if (to.kind != NodeKind::kThread) return false;
    switch (from.kind) {
      case NodeKind::kWorkItem:
        return runs(to.object, "_WorkItem.run", from.object);
      case NodeKind::kEventLoop:
        return runs_loop(to.object, from.object);
      case NodeKind::kTask:
        return has(objects_.frames(to.object),
                   objects_.frame_in(objects_.pointer(from.object + layout_.task.coroutine)));
      default:
        return false;
    }
  }

  // In a method of this name, of this object.
  bool runs(Address thread, std::string_view method, Address object) const {
    return std::ranges::any_of(objects_.frames(thread), [&](Address frame) {
      return objects_.local(frame, 0) == object && objects_.code_name(frame) == method;
    });
  }

  bool runs_loop(Address thread, Address loop) const {
    if (layout_.thread.running_loop != kAbsent) {
      return objects_.pointer(thread + layout_.thread.running_loop) == loop;
    }
    const auto kept = objects_.items(objects_.pointer(thread + layout_.thread.dict));
    // 3.11 keeps a holder of it.
    return std::ranges::any_of(kept, [&](Address each) {
      return each == loop || objects_.pointer(each + layout_.object.size) == loop;
    });
  }

  // Ready, in the timer heap, or (a pair of handles in a named tuple for each) in the selector.
  bool will_run(Address loop, Address handle) const {
    return std::ranges::any_of(objects_.attributes(loop), [&](Address own) {
      return has(objects_.items(own), handle) ||
             std::ranges::any_of(objects_.attributes(own),
                                 [&](Address keys) { return is_registered(keys, handle); });
    });
  }

  bool is_registered(Address keys, Address handle) const {
    return std::ranges::any_of(objects_.items(keys), [&](Address key) {
      return std::ranges::any_of(objects_.items(key),
                                 [&](Address pair) { return has(objects_.items(pair), handle); });
    });
  }

  const RawObjects& objects_;
  const python::layouts::Layout& layout_;
  Items threads_;
};

Items threads_of(const graph::WaitGraph& graph) {
  Items found;
  for (const auto& each : graph.nodes()) {
    if (each.id.kind == NodeKind::kThread) found.push_back(each.id.object);
  }
  return found;
}

}  // namespace

bool is_in_memory(const images::Image& image, const graph::WaitGraph& graph,
                  const graph::NodeId& from, const graph::NodeId& to, Relation relation) {
  if (from.object == to.object) return false;  // nothing is a reason for itself
  const auto build = python::layouts::layout_of(3, image.minor(), false);
  if (!build) return false;
  return Rules(RawObjects(image, *build), threads_of(graph)).allow(from, to, relation);
}

}  // namespace hangspy::fuzz
