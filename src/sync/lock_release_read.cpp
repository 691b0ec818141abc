#include "sync/lock_release_read.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

namespace hangspy::sync {
namespace {

using python::Items;
using python::Kind;
using python::RawFrame;
using python::TypeMark;
using Names = std::set<std::string, std::less<>>;

constexpr std::size_t kMaxEntered = 64;   // of one frame
constexpr std::size_t kMaxObjects = 512;  // of one search
constexpr std::size_t kMaxNames = 4'096;  // of one dict
constexpr int kMaxSteps = 3;
// All that lets go of a lock or of a Condition's: methods of theirs.
constexpr std::array<std::string_view, 4> kReleases{"release", "release_lock", "_release_save",
                                                    "__exit__"};

bool is_release(std::string_view name) {
  return std::find(kReleases.begin(), kReleases.end(), name) != kReleases.end();
}

// A search from what some code starts with, by its names alone: attributes, globals, what lies in
// containers on the way. A function that is met may return what it finds by names of its own, so
// those are learnt for a second turn.
class Search {
 public:
  Search(const python::Process& process, Address lock, Names names)
      : process_(process), objects_(process.objects()), lock_(lock), names_(std::move(names)) {}

  // Whether the lock is met. An error: there was more than could be followed.
  Result<bool> meets(const Items& roots, const Items& dicts) {
    HANGSPY_TRY(first, turn(roots, dicts));
    if (first || learnt_.empty()) return first;
    names_.merge(learnt_);
    return turn(roots, dicts);
  }

 private:
  struct Met {
    Address object;
    int steps;
  };

  Result<bool> turn(const Items& roots, const Items& dicts) {
    met_.clear();
    seen_.clear();
    looked_up_.clear();
    for (const auto each : roots) HANGSPY_CHECK(add(each, 0));
    for (const auto each : dicts) HANGSPY_CHECK(add_named(each, 0));
    for (std::size_t i = 0; i < met_.size(); ++i) {
      const auto [object, steps] = met_[i];
      if (leads_to_lock(object)) return true;
      if (steps < kMaxSteps) HANGSPY_CHECK(follow(object, steps + 1));
    }
    return false;
  }

  bool leads_to_lock(Address object) const {
    if (keeps(process_, object, lock_)) return true;
    const auto method = python::bound_method(objects_, object);
    return method && keeps(process_, method->self, lock_);
  }

  Result<void> add(Address object, int steps) {
    if (!object || !seen_.insert(object).second) return {};
    if (met_.size() == kMaxObjects) {
      return fail(Failure::kLimit, "more than 512 objects that may lead to a lock");
    }
    met_.push_back({object, steps});
    return {};
  }

  Result<void> add_all(const Items& all, int steps) {
    for (const auto each : all) HANGSPY_CHECK(add(each, steps));
    return {};
  }

  Result<void> add_named(const std::vector<python::Entry>& entries, int steps) {
    if (entries.size() > kMaxNames) return fail(Failure::kLimit, "more than 4,096 names in a dict");
    for (const auto& [key, held] : entries) {
      HANGSPY_TRY(is_name, objects_.is_kind(key, Kind::kString));
      if (!is_name) continue;
      HANGSPY_TRY(name, objects_.lasting().text(key));
      if (names_.contains(name.bytes())) HANGSPY_CHECK(add(held, steps));
    }
    return {};
  }

  Result<void> add_named(Address dict, int steps) {
    if (!dict || !looked_up_.insert(dict).second) return {};
    HANGSPY_TRY(entries, objects_.dict(dict));
    return add_named(entries, steps);
  }

  Result<void> follow(Address object, int steps) {
    if (const auto method = python::bound_method(objects_, object)) {
      HANGSPY_CHECK(add(method->self, steps));
      return add(method->function, steps);
    }
    if (const auto partial = python::partial(objects_, object)) {
      HANGSPY_CHECK(add(partial->function, steps));
      return add_all(partial->arguments, steps);
    }
    if (objects_.is_builtin(object, "function")) return follow_function(object, steps);
    if (objects_.is_builtin(object, "property")) {
      HANGSPY_TRY(getter, objects_.pointer(object + objects_.layout().property.getter));
      return add(getter, steps);
    }
    HANGSPY_TRY(is_type, objects_.is_kind(object, Kind::kType));
    return is_type ? follow_class(object, steps) : follow_instance(object, steps);
  }

  Result<void> follow_function(Address function, int steps) {
    const auto code = python::code_of(objects_, function);
    if (!code) return fail(Failure::kImplausible, "no function lies at " + to_hex(function));
    HANGSPY_TRY(names, process_.codes().names(*code));
    learnt_.insert(names.begin(), names.end());
    HANGSPY_CHECK(add_all(python::closure_contents(objects_, function), steps));
    HANGSPY_TRY(globals, objects_.pointer(function + objects_.layout().function.globals));
    return add_named(globals, steps);
  }

  // A builtin's methods lead nowhere: where its type keeps no dict here (3.12), nothing is lost.
  Result<void> follow_class(Address type, int steps) {
    if (!looked_up_.insert(type).second) return {};
    HANGSPY_TRY(mro_at, objects_.lasting().pointer(type + objects_.layout().type.mro));
    HANGSPY_TRY(classes, objects_.lasting().tuple(mro_at));
    for (const auto each : classes) {
      HANGSPY_TRY(dict, objects_.lasting().pointer(each + objects_.layout().type.dict));
      HANGSPY_CHECK(add_named(dict, steps));
    }
    return {};
  }

  Result<void> follow_instance(Address object, int steps) {
    HANGSPY_TRY(is_tuple, objects_.is_kind(object, Kind::kTuple));
    HANGSPY_TRY(is_list, objects_.is_kind(object, Kind::kList));
    HANGSPY_TRY(is_dict, objects_.is_kind(object, Kind::kDict));
    if (is_tuple || is_list) {
      HANGSPY_TRY(items, is_tuple ? objects_.tuple(object) : objects_.list(object));
      return add_all(items, steps);
    }
    if (is_dict) {
      HANGSPY_TRY(entries, objects_.dict(object));
      for (const auto& entry : entries) HANGSPY_CHECK(add(entry.second, steps));
    }
    HANGSPY_TRY(attributes, objects_.attributes(object));
    HANGSPY_CHECK(add_named(attributes, steps));
    HANGSPY_TRY(slots, objects_.slots(object));
    for (const auto& [name, held] : slots) {
      if (names_.contains(name)) HANGSPY_CHECK(add(held, steps));
    }
    HANGSPY_TRY(type, objects_.type_of(object));
    return follow_class(type, steps);
  }

  const python::Process& process_;
  const python::Objects& objects_;
  const Address lock_;
  Names names_;
  Names learnt_;
  std::vector<Met> met_;
  std::set<Address> seen_;
  std::set<Address> looked_up_;  // dicts and classes, by name
};

Result<Names> names_of(const python::Process& process, Address code) {
  HANGSPY_TRY(names, process.codes().names(code));
  return Names(names.begin(), names.end());
}

bool names_release(const Names& names) {
  return std::any_of(names.begin(), names.end(), is_release);
}

// A method of the lock in a local variable needs no name of its own.
bool has_release(const python::Process& process, const Items& values, Address lock) {
  return std::any_of(values.begin(), values.end(), [&](Address each) {
    const auto method = python::bound_method(process.objects(), each);
    return method && is_release(method->name) && keeps(process, method->self, lock);
  });
}

// The `with` on a lock leads to it, too, whatever its expression was.
Result<bool> frame_may_release(const python::Process& process, const RawFrame& frame,
                               Address lock) {
  HANGSPY_TRY(names, names_of(process, frame.code->address));
  HANGSPY_TRY(roots, process.frames().local_values(frame));
  if (!names_release(names)) return has_release(process, roots, lock);
  HANGSPY_TRY(entered, process.frames().open_withs(frame));
  HANGSPY_TRY(dicts, process.frames().name_dicts(frame));
  roots.insert(roots.end(), entered.begin(), entered.end());
  return Search(process, lock, std::move(names)).meets(roots, dicts);
}

// Whether an attribute of the object is the lock, whatever it is called.
Result<bool> refers_to(const python::Process& process, Address object, Address lock) {
  const auto& objects = process.objects();
  HANGSPY_TRY(attributes, objects.attributes(object));
  HANGSPY_TRY(slots, objects.slots(object));
  Items held;
  for (const auto& each : attributes) held.push_back(each.second);
  for (const auto& each : slots) held.push_back(each.second);
  return std::any_of(held.begin(), held.end(), [&](Address each) {
    const auto method = python::bound_method(objects, each);
    return keeps(process, method ? method->self : each, lock);
  });
}

// `with Unlocked(A):` has run the object's own `__enter__`, which may have ended.
Result<bool> entering_may_release(const python::Process& process, Address entered, Address lock) {
  HANGSPY_TRY(refers, refers_to(process, entered, lock));
  if (refers) return true;
  HANGSPY_TRY(type, process.objects().type_of(entered));
  for (const auto* name : {"__enter__", "__aenter__"}) {
    HANGSPY_TRY(function, process.objects().class_attribute(type, name));
    const auto code = function ? python::code_of(process.objects(), *function) : std::nullopt;
    if (!code) continue;
    HANGSPY_TRY(names, names_of(process, *code));
    if (!names_release(names)) continue;
    HANGSPY_TRY(released, Search(process, lock, std::move(names)).meets({entered, *function}, {}));
    if (released) return true;
  }
  return false;
}

// Of the frame itself and of what it entered after the lock. When something came onto an ExitStack
// is not known.
Result<bool> may_release(const python::Process& process, const RawFrame& frame, Address lock) {
  HANGSPY_TRY(own, frame_may_release(process, frame, lock));
  if (own) return true;
  HANGSPY_TRY(all, entered_in(process, frame));
  bool before = false;
  for (const auto& each : all) {
    before = before || keeps(process, each.object, lock);
    if (before && !each.stacked) continue;
    HANGSPY_TRY(inside, each.inside ? frame_may_release(process, *each.inside, lock)
                                    : entering_may_release(process, each.object, lock));
    if (inside) return true;
  }
  return false;
}

Result<std::optional<RawFrame>> generator_behind(const python::Process& process, Address object) {
  const auto type = process.landmarks().type(TypeMark::kGeneratorContextManager);
  if (!process.objects().is_instance(object, type)) return std::optional<RawFrame>{};
  HANGSPY_TRY(generator, process.objects().find(object, "gen"));
  if (!generator) return std::optional<RawFrame>{};
  return python::frame_inside(process.objects(), process.frames(), *generator);
}

// It keeps the `__exit__` methods of what was entered, the last one at the end.
Result<Items> entered_on_stack(const python::Process& process, Address object) {
  const auto& objects = process.objects();
  if (!objects.is_instance(object, process.landmarks().type(TypeMark::kExitStack))) return Items{};
  HANGSPY_TRY(callbacks, objects.find(object, "_exit_callbacks"));
  if (!callbacks) return Items{};
  HANGSPY_TRY(pairs, objects.deque(*callbacks));
  Items entered;
  for (const auto pair : pairs) {
    HANGSPY_TRY(parts, objects.tuple(pair));
    const auto exit = parts.empty() ? std::nullopt : python::bound_method(objects, parts.back());
    if (exit) entered.insert(entered.begin(), exit->self);
  }
  return entered;
}

// What stands behind one entered object: of a generator its open `with` blocks, of an ExitStack
// what is on it.
Result<std::vector<Entered>> entered_behind(const python::Process& process,
                                            const Entered& entered) {
  std::vector<Entered> all;
  HANGSPY_TRY(stacked, entered_on_stack(process, entered.object));
  all.reserve(stacked.size());
  for (const auto each : stacked) all.push_back({each, std::nullopt, true});
  if (!entered.inside) return all;
  HANGSPY_TRY(deeper, process.frames().open_withs(*entered.inside));
  for (const auto each : deeper) all.push_back({each, std::nullopt, entered.stacked});
  return all;
}

}  // namespace

bool keeps(const python::Process& process, Address entered, Address lock) {
  if (entered == lock) return true;
  const auto& objects = process.objects();
  if (!objects.is_instance(entered, process.landmarks().type(TypeMark::kCondition))) return false;
  const auto inner = objects.find(entered, "_lock");
  return inner && *inner && **inner == lock;
}

Result<std::vector<Entered>> entered_in(const python::Process& process, const RawFrame& frame) {
  std::vector<Entered> all;
  HANGSPY_TRY(own, process.frames().open_withs(frame));
  all.reserve(own.size());
  for (const auto each : own) all.push_back({each, std::nullopt, false});
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all.size() > kMaxEntered) {
      return fail(Failure::kLimit,
                  "more than 64 open `with` blocks in frame " + to_hex(frame.address));
    }
    HANGSPY_TRY(inside, generator_behind(process, all[i].object));
    all[i].inside = inside;
    HANGSPY_TRY(more, entered_behind(process, all[i]));
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(i) + 1, more.begin(), more.end());
  }
  return all;
}

bool may_be_released(const python::Process& process, const std::vector<RawFrame>& frames,
                     Address lock) {
  return std::any_of(frames.begin(), frames.end(), [&](const RawFrame& frame) {
    return may_release(process, frame, lock).value_or(true);
  });
}

}  // namespace hangspy::sync
