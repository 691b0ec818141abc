// The fields of each fact, once for both directions, in the order in which they are declared and
// written. A field that is declared and not listed, or listed at another place, does not compile.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "hangspy/snapshot.hpp"

namespace hangspy::snapshot {

template <class Fact, class Member>
struct Field {
  std::string_view name;
  Member Fact::* member;
};
template <class Fact, class Member>
Field(const char*, Member Fact::*) -> Field<Fact, Member>;

// Fact{members..., {}} is an error only when `members` are all it has.
template <class Fact, class... Member>
concept HasExactly = requires { Fact{std::declval<Member>()...}; } &&
                     !requires { Fact{std::declval<Member>()..., {}}; };

template <class Fact, class... Member>
consteval auto all_fields(Field<Fact, Member>... fields) {
  static_assert(HasExactly<Fact, Member...>,
                "a fact of snapshot.hpp has other fields than fields.hpp lists, or in other order");
  return std::tuple{fields...};
}

// Specialised below for every fact.
template <class Fact>
inline constexpr auto kFields = nullptr;

template <class T>
concept IsFact = !std::is_null_pointer_v<std::remove_cvref_t<decltype(kFields<T>)>>;

template <>
inline constexpr auto kFields<Place> = all_fields(
    Field{"code", &Place::code}, Field{"function", &Place::function}, Field{"file", &Place::file},
    Field{"line", &Place::line}, Field{"instruction", &Place::instruction},
    Field{"origin", &Place::origin}, Field{"landmark", &Place::landmark});

// A frame is written with the fields of its place, as if they were its own.
template <>
inline constexpr auto kFields<Frame> =
    all_fields(Field{"frame", &Frame::frame}, Field{"", &Frame::place});

template <>
inline constexpr auto kFields<ThreadWait> =
    all_fields(Field{"kind", &ThreadWait::kind}, Field{"object", &ThreadWait::object},
               Field{"server", &ThreadWait::server}, Field{"frame", &ThreadWait::frame},
               Field{"timed", &ThreadWait::timed}, Field{"evidence", &ThreadWait::evidence});

template <>
inline constexpr auto kFields<Thread> = all_fields(
    Field{"state", &Thread::state}, Field{"tid", &Thread::tid}, Field{"ident", &Thread::ident},
    Field{"object", &Thread::object}, Field{"name", &Thread::name},
    Field{"activity", &Thread::activity}, Field{"syscall", &Thread::syscall},
    Field{"run_counter", &Thread::run_counter}, Field{"slept", &Thread::slept},
    Field{"moves", &Thread::moves}, Field{"running_loop", &Thread::running_loop},
    Field{"runs_handle", &Thread::runs_handle}, Field{"frames", &Thread::frames},
    Field{"runs_until", &Thread::runs_until}, Field{"runs_until_frame", &Thread::runs_until_frame},
    Field{"wait", &Thread::wait});

template <>
inline constexpr auto kFields<AwaitLink> =
    all_fields(Field{"type", &AwaitLink::type}, Field{"object", &AwaitLink::object},
               Field{"frame", &AwaitLink::frame});

template <>
inline constexpr auto kFields<Task> = all_fields(
    Field{"object", &Task::object}, Field{"name", &Task::name}, Field{"loop", &Task::loop},
    Field{"waits_for", &Task::waits_for}, Field{"cancels_requested", &Task::cancels_requested},
    Field{"state", &Task::state}, Field{"running", &Task::running}, Field{"moves", &Task::moves},
    Field{"is_request", &Task::is_request}, Field{"chain", &Task::chain});

template <>
inline constexpr auto kFields<Future> = all_fields(
    Field{"object", &Future::object}, Field{"state", &Future::state}, Field{"loop", &Future::loop},
    Field{"gathers", &Future::gathers}, Field{"moves", &Future::moves});

template <>
inline constexpr auto kFields<Completion> =
    all_fields(Field{"future", &Completion::future},
               Field{"future_is_concurrent", &Completion::future_is_concurrent},
               Field{"completer", &Completion::completer}, Field{"kind", &Completion::kind},
               Field{"evidence", &Completion::evidence});

template <>
inline constexpr auto kFields<Handle> = all_fields(
    Field{"object", &Handle::object}, Field{"loop", &Handle::loop}, Field{"kind", &Handle::kind},
    Field{"descriptor", &Handle::descriptor}, Field{"when", &Handle::when},
    Field{"callback", &Handle::callback}, Field{"runs_task", &Handle::runs_task},
    Field{"starts_coroutine", &Handle::starts_coroutine},
    Field{"coroutine_frame", &Handle::coroutine_frame}, Field{"completes", &Handle::completes},
    Field{"times_out_task", &Handle::times_out_task});

template <>
inline constexpr auto kFields<EventLoop> =
    all_fields(Field{"object", &EventLoop::object}, Field{"type", &EventLoop::type},
               Field{"thread", &EventLoop::thread}, Field{"readable", &EventLoop::readable},
               Field{"now", &EventLoop::now}, Field{"handles", &EventLoop::handles});

template <>
inline constexpr auto kFields<ConcurrentFuture> =
    all_fields(Field{"object", &ConcurrentFuture::object}, Field{"state", &ConcurrentFuture::state},
               Field{"moves", &ConcurrentFuture::moves});

template <>
inline constexpr auto kFields<WorkItem> =
    all_fields(Field{"object", &WorkItem::object}, Field{"future", &WorkItem::future},
               Field{"function", &WorkItem::function}, Field{"place", &WorkItem::place},
               Field{"queued_at", &WorkItem::queued_at}, Field{"runs_on", &WorkItem::runs_on},
               Field{"frame", &WorkItem::frame});

template <>
inline constexpr auto kFields<Executor> =
    all_fields(Field{"object", &Executor::object}, Field{"kind", &Executor::kind},
               Field{"queue", &Executor::queue}, Field{"max_workers", &Executor::max_workers},
               Field{"shut_down", &Executor::shut_down}, Field{"complete", &Executor::complete},
               Field{"moves", &Executor::moves}, Field{"workers", &Executor::workers},
               Field{"serves", &Executor::serves}, Field{"until", &Executor::until},
               Field{"items", &Executor::items});

template <>
inline constexpr auto kFields<Lock> = all_fields(
    Field{"object", &Lock::object}, Field{"kind", &Lock::kind}, Field{"locked", &Lock::locked},
    Field{"holder", &Lock::holder}, Field{"holder_known", &Lock::holder_known},
    Field{"holder_is_task", &Lock::holder_is_task}, Field{"holder_frame", &Lock::holder_frame},
    Field{"holder_doubtful", &Lock::holder_doubtful}, Field{"evidence", &Lock::evidence});

template <>
inline constexpr auto kFields<Holder> = all_fields(
    Field{"kind", &Holder::kind}, Field{"object", &Holder::object}, Field{"how", &Holder::how});

template <>
inline constexpr auto kFields<References> =
    all_fields(Field{"object", &References::object}, Field{"counted", &References::counted},
               Field{"found", &References::found}, Field{"explained", &References::explained},
               Field{"holders", &References::holders});

template <>
inline constexpr auto kFields<Package> =
    all_fields(Field{"name", &Package::name}, Field{"version", &Package::version});

template <>
inline constexpr auto kFields<Runtime> =
    all_fields(Field{"version", &Runtime::version}, Field{"executable", &Runtime::executable},
               Field{"layout", &Runtime::layout}, Field{"packages", &Runtime::packages},
               Field{"server", &Runtime::server});

template <>
inline constexpr auto kFields<Snapshot> =
    all_fields(Field{"is_core", &Snapshot::is_core}, Field{"pid", &Snapshot::pid},
               Field{"runtime", &Snapshot::runtime}, Field{"threads", &Snapshot::threads},
               Field{"tasks", &Snapshot::tasks}, Field{"futures", &Snapshot::futures},
               Field{"completions", &Snapshot::completions}, Field{"loops", &Snapshot::loops},
               Field{"concurrent_futures", &Snapshot::concurrent_futures},
               Field{"executors", &Snapshot::executors}, Field{"locks", &Snapshot::locks},
               Field{"references", &Snapshot::references}, Field{"missing", &Snapshot::missing});

}  // namespace hangspy::snapshot
