// Who holds an object that somebody waits for.
//
// An Event has no owner: whoever can reach it may set it. So its counted references are looked for
// from everything that can run code: the frames of threads, the coroutines of tasks, the handles
// of loops, the work items in queues. When all of them are found, and those to everything on the
// way, then nobody else can reach the object, and who can ever release it is known. One reference
// too few, and it stays open: that is the safe side, and where a budget that runs out ends, too.
//
// What may be stale is not counted: of a running frame's value stack only what lies below the
// depth that the exception table gives is certain to be live. One exception: a call into C keeps
// its function and its argument tuple on the caller's stack, at a depth that is not known. For
// such call machinery (tuples, partials, bound methods on the way to the object, never the object
// itself) a slot above that depth may account for a reference.
#include <algorithm>
#include <deque>
#include <map>
#include <set>

#include "sync/reads.hpp"

namespace hangspy::sync {
namespace {

using python::Mark;
using snapshot::HolderKind;
using snapshot::WaitKind;

constexpr std::size_t kMaxObjects = 20'000;
constexpr std::size_t kMaxItems = 4'096;  // of one container

struct Reached {
  std::uint64_t found = 0;
  std::set<Address> through;              // objects that refer to it
  std::vector<snapshot::Holder> holders;  // that refer to it themselves
};

class Census {
 public:
  explicit Census(const python::Process& process) : process_(process) {}

  void hold(Address object, HolderKind kind, Address holder, const char* how) {
    if (!plausible(object)) return;
    auto& reached = reached_[object];
    ++reached.found;
    const snapshot::Holder fact{kind, holder, how};
    if (std::find(reached.holders.begin(), reached.holders.end(), fact) == reached.holders.end()) {
      reached.holders.push_back(fact);
    }
    enqueue(object);
  }

  // Everything in the slots of a frame that are certain to be references.
  void hold_frame(const python::RawFrame& frame, HolderKind kind, Address holder) {
    if (!frames_.insert(frame.address).second)
      return;  // a running coroutine's is its thread's, too
    for (const auto each : live_slots(frame)) hold(each, kind, holder, "frame local");
    for (const auto each : doubtful_slots(frame)) ++doubtful_[each];
  }

  // A task's own: its frame has been held, or is a thread's.
  void await(Address object) { awaited_.insert(object); }

  // What `object` refers to has been held already: not to be counted again.
  void own(Address object) { queued_.insert(object); }

  void expand() {
    while (!queue_.empty() && expanded_ < kMaxObjects) {
      const auto object = queue_.front();
      queue_.pop_front();
      ++expanded_;
      auto children = children_of(object);
      if (children.size() > kMaxItems) continue;
      for (const auto child : children) {
        if (!plausible(child)) continue;
        auto& reached = reached_[child];
        ++reached.found;
        reached.through.insert(object);
        enqueue(child);
      }
    }
  }

  [[nodiscard]] snapshot::References result(Address object) const {
    snapshot::References references;
    references.object = object;
    references.counted = process_.objects().reference_count(object).value_or(0);
    references.explained = true;
    std::set<Address> seen{object};
    std::vector<Address> open{object};
    while (!open.empty()) {
      const auto each = open.back();
      open.pop_back();
      const auto reached = reached_.find(each);
      const auto found = reached == reached_.end() ? 0 : reached->second.found;
      if (each == object) references.found = found;
      // A weak reference is a way to the object that is not counted.
      const bool weak = process_.objects().has_weak_references(each).value_or(true);
      if (weak || !accounted(each, found, each == object)) references.explained = false;
      if (reached == reached_.end()) continue;
      for (const auto& holder : reached->second.holders)
        add_holder(holder, each != object, references);
      for (const auto above : reached->second.through) {
        if (seen.insert(above).second) open.push_back(above);
      }
    }
    return references;
  }

 private:
  static bool plausible(Address object) {
    return object.value % 8 == 0 && object.value >= 4096 && object.value < 1ULL << 47;
  }

  static void add_holder(snapshot::Holder holder, bool indirectly,
                         snapshot::References& references) {
    if (indirectly) holder.how = "through an object of its own";
    const auto same = [&](const auto& each) {
      return each.kind == holder.kind && each.object == holder.object;
    };
    if (std::none_of(references.holders.begin(), references.holders.end(), same)) {
      references.holders.push_back(std::move(holder));
    }
  }

  void enqueue(Address object) {
    if (queued_.insert(object).second) queue_.push_back(object);
  }

  bool accounted(Address object, std::uint64_t found, bool is_wanted) const {
    const auto counted = process_.objects().reference_count(object).value_or(0);
    if (counted == 0 || found > counted) return false;
    if (found == counted) return true;
    const auto doubtful = doubtful_.find(object);
    return !is_wanted && doubtful != doubtful_.end() && is_call_machinery(object) &&
           found + doubtful->second >= counted;
  }

  bool is_call_machinery(Address object) const {
    const auto& objects = process_.objects();
    return objects.is_builtin(object, "tuple") || python::partial(objects, object) ||
           python::bound_method(objects, object);
  }

  static std::size_t certain_depth(const python::RawFrame& frame,
                                   const python::Frames::Slots& slots) {
    if (slots.live_depth) return *slots.live_depth;
    const auto depths = python::handler_depths(*frame.code, frame.instruction);
    return depths.empty() ? 0 : std::min<std::size_t>(depths.front(), slots.stack.size());
  }

  python::Items live_slots(const python::RawFrame& frame) const {
    const auto slots = process_.frames().slots(frame);
    if (!slots) return {};
    auto live = slots->locals;
    const auto end =
        slots->stack.begin() + static_cast<std::ptrdiff_t>(certain_depth(frame, *slots));
    live.insert(live.end(), slots->stack.begin(), end);
    return live;
  }

  // The rest of a running frame's stack, live or stale: only of the library's own frames between
  // an executor and the user's function, which make one call each and so have nothing stale.
  python::Items doubtful_slots(const python::RawFrame& frame) const {
    const auto mark = process_.landmarks().of(frame);
    if (mark != Mark::kPoolItemRun && mark != Mark::kCurrentItemRun &&
        mark != Mark::kThreadHandler) {
      return {};
    }
    const auto slots = process_.frames().slots(frame);
    if (!slots || slots->live_depth) return {};
    const auto begin =
        slots->stack.begin() + static_cast<std::ptrdiff_t>(certain_depth(frame, *slots));
    return {begin, slots->stack.end()};
  }

  // What an object refers to, for the types that code is made of. What is not listed refers to
  // nothing that is counted; that only leaves more unexplained.
  python::Items children_of(Address object) const {
    const auto& objects = process_.objects();
    const auto& layout = objects.layout();
    const auto field = [&](std::uint32_t offset) {
      return objects.pointer(object + offset).value_or(Address{});
    };
    if (objects.is_builtin(object, "cell")) return {field(layout.cell.content)};
    if (objects.is_builtin(object, "function")) {
      return {field(layout.function.closure), field(layout.function.defaults)};
    }
    if (objects.is_builtin(object, "method")) {
      return {field(layout.method.self), field(layout.method.function)};
    }
    if (objects.is_builtin(object, "builtin_function_or_method")) {
      return {field(layout.builtin_function.self)};
    }
    if (const auto partial = python::partial(objects, object)) {
      return {field(layout.partial.function), field(layout.partial.arguments),
              field(layout.partial.keywords)};
    }
    if (objects.is_kind(object, python::Kind::kTuple).value_or(false)) {
      return objects.tuple(object).value_or(python::Items{});
    }
    return container_or_instance(object);
  }

  python::Items container_or_instance(Address object) const {
    const auto& objects = process_.objects();
    if (objects.is_kind(object, python::Kind::kString).value_or(true) ||
        objects.is_kind(object, python::Kind::kType).value_or(true) ||
        objects.is_builtin(object, "module") || objects.is_builtin(object, "code")) {
      return {};
    }
    if (objects.is_kind(object, python::Kind::kList).value_or(false)) {
      return objects.list(object).value_or(python::Items{});
    }
    if (objects.is_kind(object, python::Kind::kDict).value_or(false)) {
      return values(objects.dict(object).value_or(std::vector<python::Entry>{}));
    }
    if (auto frame = python::frame_inside(objects, process_.frames(), object); frame && *frame) {
      return suspended_slots(object, **frame);
    }
    // A dict of its own is an object that others may hold, too: it is counted like any other.
    const auto own_dict = objects.instance_dict(object).value_or(Address{});
    auto held = own_dict
                    ? python::Items{own_dict}
                    : values(objects.attributes(object).value_or(std::vector<python::Entry>{}));
    for (const auto& slot :
         objects.slots(object).value_or(decltype(objects.slots(object))::value_type{})) {
      held.push_back(slot.second);
    }
    return held;
  }

  // A coroutine of a task's chain is the task's own, a running one its thread's: held before.
  python::Items suspended_slots(Address coroutine, const python::RawFrame& frame) const {
    const bool is_held = frames_.contains(frame.address) || awaited_.contains(coroutine);
    return is_held ? python::Items{} : live_slots(frame);
  }

  static python::Items values(const std::vector<python::Entry>& entries) {
    python::Items all;
    for (const auto& entry : entries) all.push_back(entry.second);
    return all;
  }

  const python::Process& process_;
  std::map<Address, Reached> reached_;
  std::map<Address, std::uint64_t> doubtful_;
  std::set<Address> queued_;
  std::set<Address> frames_;
  std::set<Address> awaited_;  // in the chains of tasks
  std::deque<Address> queue_;
  std::size_t expanded_ = 0;
};

bool runs_work(const python::RawThread& thread) {
  return std::any_of(thread.marks.begin(), thread.marks.end(), [](Mark mark) {
    return mark == Mark::kPoolItemRun || mark == Mark::kCurrentItemRun || mark == Mark::kHandleRun;
  });
}

// Objects without an owner that a thread waits for in the middle of work that somebody is owed.
std::set<Address> wanted(const python::Process& process, const snapshot::Snapshot& snapshot) {
  std::set<Address> objects;
  for (std::size_t i = 0; i < snapshot.threads.size(); ++i) {
    const auto& thread = process.threads()[i];
    if (thread.kernel.ran && thread.fresh) continue;  // it has only just come there
    const auto& wait = snapshot.threads[i].wait;
    const bool ownerless = wait.kind == WaitKind::kEvent || wait.kind == WaitKind::kCondition ||
                           wait.kind == WaitKind::kQueue;
    if (ownerless && runs_work(thread)) objects.insert(wait.object);
  }
  return objects;
}

void hold_tasks(const python::Process& process, Census& census) {
  for (const auto& task : process.tasks()) {
    for (const auto& link : task.chain) {
      census.await(link.object);
      if (!link.frame) continue;
      const auto frame = process.frames().raw(*link.frame);
      if (frame) census.hold_frame(*frame, HolderKind::kTask, task.object);
    }
  }
}

void hold_handles(const python::Process& process, const snapshot::Snapshot& snapshot,
                  Census& census) {
  for (const auto& loop : snapshot.loops) {
    for (const auto& handle : loop.handles) {
      census.own(handle.object);
      const auto slots = process.objects().slots(handle.object);
      for (const auto& [name, held] : slots.value_or(decltype(slots)::value_type{})) {
        if (name == "_callback" || name == "_args") {
          census.hold(held, HolderKind::kHandle, handle.object, "callback");
        }
      }
    }
  }
}

void hold_work_items(const python::Process& process, const snapshot::Snapshot& snapshot,
                     Census& census) {
  for (const auto& executor : snapshot.executors) {
    for (const auto& item : executor.items) {
      if (!item.queued_at) continue;
      census.own(item.object);
      for (const auto* name : {"fn", "args", "kwargs"}) {
        const auto held = process.objects().find(item.object, name);
        if (held && *held) census.hold(**held, HolderKind::kWorkItem, item.object, "work item");
      }
    }
  }
}

}  // namespace

void read_references(const python::Process& process, snapshot::Snapshot& snapshot) {
  const auto objects = wanted(process, snapshot);
  if (objects.empty()) return;
  Census census(process);
  for (const auto& thread : process.threads()) {
    for (const auto& frame : thread.frames) {
      census.hold_frame(frame, HolderKind::kThread, thread.state);
    }
  }
  hold_tasks(process, census);
  hold_handles(process, snapshot, census);
  hold_work_items(process, snapshot, census);
  census.expand();
  for (const auto object : objects) snapshot.references.push_back(census.result(object));
}

}  // namespace hangspy::sync
