// What was true in the process at one moment, as plain values: no address here has to be followed
// any more, each only says which object is which. A Snapshot prints as JSON and reads back
// unchanged, so that the graph, the verdict and the report are tested without any process.
//
// The facts are CPython's and the libraries' own nouns. What one kind of wait reads stands
// together; src/sync/K_read.cpp fills it and src/sync/K_waits.cpp turns it into edges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hangspy/result.hpp"
#include "hangspy/shared.hpp"
#include "hangspy/text.hpp"

namespace hangspy::snapshot {

// Whose code a frame is: the report shows the user's first, and the advice points at it.
enum class Origin : std::uint8_t { kUser, kSitePackages, kStandardLibrary, kFrozen };

// Where a frame stands: the same for all that stand there.
struct Place {
  Address code;
  Text function;  // qualified name
  Text file;
  std::int32_t line = 0;          // 0: the code has no line there
  std::uint32_t instruction = 0;  // byte offset in the code
  Origin origin = Origin::kUser;
  // Which function of the standard library, asgiref or a server this is, by the identity of its
  // code: "SyncToAsync.__call__". Empty for any other, whatever its name.
  std::string landmark;

  bool operator==(const Place&) const = default;
};

struct Frame {
  Address frame;
  Shared<Place> place;

  // Of a frame without a place everything is empty.
  [[nodiscard]] const Place* operator->() const {
    static const Place kNowhere;
    return place.get() == nullptr ? &kNowhere : place.get();
  }
  bool operator==(const Frame& other) const {
    return frame == other.frame &&
           (place.get() == other.place.get() || *operator->() == *other.operator-> ());
  }
};

// ------------------------------------------------------------------------------------- threads

enum class Activity : std::uint8_t { kRunning, kInSyscall, kUnknown };

// What a thread waits for at its innermost frames.
enum class WaitKind : std::uint8_t {
  kNone,          // it runs, or may run as soon as it has the GIL
  kOutside,       // a system call that the outside world or the clock ends: sleep, recv, poll ...
  kSelector,      // its event loop's selector
  kIdleWorker,    // a pool's thread that waits for work (`object`: the queue)
  kLock,          // a lock (`object`)
  kCondition,     // a Condition (`object`) of nothing known
  kEvent,         // a threading.Event (`object`)
  kQueue,         // a queue.Queue (`object`)
  kFutureResult,  // a concurrent Future's result (`object`: the future)
  kServeUntil,    // CurrentThreadExecutor.run_until_future (`object`: the future; `server`: the
                  // executor)
  kJoin,          // another thread's end (`object`: the threading.Thread)
  kNativeFutex,   // a futex that belongs to no Python object that was found
};

struct ThreadWait {
  WaitKind kind = WaitKind::kNone;
  Address object;
  Address server;
  std::uint32_t frame = 0;  // index of the innermost frame that is not part of the wait itself
  bool timed = false;       // the wait ends by itself
  std::vector<std::string> evidence;

  bool operator==(const ThreadWait&) const = default;
};

struct Thread {
  Address state;  // the thread state: the identity
  std::int32_t tid = 0;
  Address ident;   // pthread_self, what threading calls ident
  Address object;  // its threading.Thread, 0 when there is none
  Text name;
  Activity activity = Activity::kUnknown;
  std::int64_t syscall = -1;
  std::optional<std::uint64_t> run_counter;
  bool slept = false;  // it did not run while this snapshot was read
  bool moves = false;  // it ran so shortly before that what is said of it may be torn
  Address running_loop;
  Address runs_handle;        // the event loop's handle whose callback it is in
  std::vector<Frame> frames;  // innermost first
  // Its outermost run_until_complete: what the loop runs for, and the index of that frame. What
  // called it goes on only when that future is done, though the loop itself turns.
  std::optional<Address> runs_until;
  std::optional<std::uint32_t> runs_until_frame;
  ThreadWait wait;

  bool operator==(const Thread&) const = default;
};

// ------------------------------------------------------------------- asyncio: tasks and futures

enum class FutureState : std::uint8_t { kPending, kCancelled, kFinished };

// One object of an await chain. A coroutine or generator that has started has a frame.
struct AwaitLink {
  Text type;
  Address object;
  std::optional<Frame> frame;

  bool operator==(const AwaitLink&) const = default;
};

struct Task {
  Address object;
  Text name;
  Address loop;
  Address waits_for;  // _fut_waiter: 0 when it runs or is ready to
  std::int32_t cancels_requested = 0;
  FutureState state = FutureState::kPending;
  bool running = false;
  bool moves = false;            // it took a step just then: what is said of it may be torn
  bool is_request = false;       // an ASGI server's or Django's handler is in its chain
  std::vector<AwaitLink> chain;  // outermost first

  bool operator==(const Task&) const = default;
};

// An asyncio future that a task waits for, directly or through others.
struct Future {
  Address object;
  FutureState state = FutureState::kPending;
  Address loop;
  bool gathers = false;  // needs all of its completers, not any one
  bool moves = false;    // it changed just then: what is said of it may be torn

  bool operator==(const Future&) const = default;
};

// "When `completer` ends, `future` ends": read from a done-callback of the completer, by identity.
enum class CompleterKind : std::uint8_t { kTask, kFuture, kConcurrentFuture };
struct Completion {
  Address future;  // an asyncio or a concurrent future
  bool future_is_concurrent = false;
  Address completer;
  CompleterKind kind = CompleterKind::kFuture;
  std::string evidence;  // "shield", "chained future", "callback", "gather"

  bool operator==(const Completion&) const = default;
};

// ------------------------------------------------------------------------------- event loops

// Something that a loop will run: a ready handle, a timer, the reader or writer of a descriptor.
enum class HandleKind : std::uint8_t { kReady, kTimer, kDescriptor };
struct Handle {
  Address object;
  Address loop;
  HandleKind kind = HandleKind::kReady;
  std::int32_t descriptor = -1;
  double when = 0;           // of a timer, in the loop's own seconds
  Text callback;             // qualified name
  Address runs_task;         // it steps or wakes this task
  Address starts_coroutine;  // it makes a task of this coroutine
  std::optional<Frame> coroutine_frame;
  std::vector<Address> completes;  // futures that its callback will complete
  Address times_out_task;          // asyncio.timeout: it cancels this task

  bool operator==(const Handle&) const = default;
};

struct EventLoop {
  Address object;
  Text type;             // "asyncio.unix_events._UnixSelectorEventLoop", "uvloop.Loop"
  Address thread;        // thread state of the thread that runs it, 0 when none does
  bool readable = true;  // false: not all that it will run could be read (uvloop's is no Python)
  std::optional<double> now;  // its own clock at the read; absent in a core
  std::vector<Handle> handles;

  bool operator==(const EventLoop&) const = default;
};

// ---------------------------------------------------------- concurrent futures and executors

struct ConcurrentFuture {
  Address object;
  FutureState state = FutureState::kPending;
  bool moves = false;  // it changed just then: its state may be torn

  bool operator==(const ConcurrentFuture&) const = default;
};

enum class ExecutorKind : std::uint8_t { kThreadPool, kCurrentThread };

struct WorkItem {
  Address object;
  Address future;
  Text function;                           // the user's function, behind the wrappers
  std::optional<Frame> place;              // where that function is defined
  std::optional<std::uint32_t> queued_at;  // position in its executor's queue; absent when it runs
  Address runs_on;                         // thread state; 0 while it is queued
  std::uint32_t frame = 0;                 // index, in that thread, of the frame that runs it

  bool operator==(const WorkItem&) const = default;
};

struct Executor {
  Address object;
  ExecutorKind kind = ExecutorKind::kThreadPool;
  Address queue;
  std::optional<std::uint32_t> max_workers;
  bool shut_down = false;
  // Every worker that it may ever have is in `workers`: none is only starting, none may be added.
  bool complete = true;
  bool moves = false;            // a worker of it ran just then: what is said of it may be torn
  std::vector<Address> workers;  // thread states; of a CurrentThreadExecutor its one thread
  bool serves = false;  // CurrentThread: its run_until_future is the thread's innermost wait
  Address until;        // CurrentThread: the future until which it serves
  std::vector<WorkItem> items;  // running ones, then the queue in order

  bool operator==(const Executor&) const = default;
};

// -------------------------------------------------------------------------------------- locks

enum class LockKind : std::uint8_t { kLock, kRecursiveLock };
struct Lock {
  Address object;
  LockKind kind = LockKind::kLock;
  bool locked = false;
  Address holder;  // thread state or task, 0 when nobody was found
  bool holder_known = false;
  bool holder_is_task = false;     // a suspended coroutine holds it, across an await
  std::uint32_t holder_frame = 0;  // index, in that thread or chain, of the `with` that holds it
  bool holder_doubtful = false;    // code inside that `with` may have released it
  std::string evidence;            // "open with block", "owner field"

  bool operator==(const Lock&) const = default;
};

// ---------------------------------------------------------------------------------- references

// Who holds an object: everything from which a reference to it is reached.
enum class HolderKind : std::uint8_t { kThread, kTask, kHandle, kWorkItem };
struct Holder {
  HolderKind kind = HolderKind::kThread;
  Address object;
  std::string how;  // "frame local", "closure", "bound method", "attribute"

  bool operator==(const Holder&) const = default;
};
// The counted references to an object that somebody waits for, and whose they are. `explained`:
// every one was found, and so were all those to what holds it, up to the holders.
struct References {
  Address object;
  std::uint64_t counted = 0;
  std::uint64_t found = 0;
  bool explained = false;
  std::vector<Holder> holders;

  bool operator==(const References&) const = default;
};

// --------------------------------------------------------------------------------- the whole

struct Package {
  std::string name;  // ours: "django", "asgiref", "uvicorn" ...
  Text version;

  bool operator==(const Package&) const = default;
};

struct Runtime {
  std::string version;  // "3.12.1"
  Text executable;
  std::string layout;  // which layout was chosen, and why
  std::vector<Package> packages;
  Text server;  // "uvicorn shop.asgi:app", from the worker's own command line; may be empty

  bool operator==(const Runtime&) const = default;
};

struct Snapshot {
  bool is_core = false;
  std::int32_t pid = 0;
  Runtime runtime;
  std::vector<Thread> threads;
  std::vector<Task> tasks;
  std::vector<Future> futures;
  std::vector<Completion> completions;
  std::vector<EventLoop> loops;
  std::vector<ConcurrentFuture> concurrent_futures;
  std::vector<Executor> executors;
  std::vector<Lock> locks;
  std::vector<References> references;
  std::vector<std::string> missing;  // what could not be read, one sentence each

  bool operator==(const Snapshot&) const = default;
};

// JSON of a snapshot, and back. parse(to_json(s)) == s. Errors: kFile with the path of the field.
[[nodiscard]] std::string to_json(const Snapshot& snapshot);
[[nodiscard]] Result<Snapshot> parse(std::string_view json);

}  // namespace hangspy::snapshot
