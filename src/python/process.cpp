#include "python/process.hpp"

#include <algorithm>

#include "python/walk.hpp"

namespace hangspy::python {
namespace {

constexpr std::size_t kMaxThreads = 100'000;

const target::ThreadState* kernel_thread(const std::vector<target::ThreadState>& all, Address ident,
                                         std::uint64_t native_id) {
  for (const auto& each : all) {
    // The kernel's fs_base is pthread_self itself, where registers were read.
    const bool same = each.fs_base != 0
                          ? each.fs_base == ident.value
                          : static_cast<std::uint64_t>(each.namespace_tid) == native_id;
    if (same) return &each;
  }
  return nullptr;
}

// Those of the main interpreter, which is the last of the list.
Result<Landmarks> find_landmarks(const Objects& objects, const Codes& codes,
                                 const Runtime& runtime) {
  const auto interpreter = runtime.interpreters.back();
  HANGSPY_TRY(modules, objects.pointer(interpreter + objects.layout().interpreter.modules));
  return Landmarks::find(objects, codes, modules);
}

}  // namespace

Process::Process(const memory::Memory& memory, const layouts::Build& build)
    : objects_(memory, build), codes_(objects_), frames_(objects_, codes_) {}

Result<std::unique_ptr<Process>> Process::find(const memory::Memory& memory,
                                               const Runtime& runtime) {
  auto process = std::make_unique<Process>(memory, runtime.build);
  HANGSPY_TRY(landmarks, find_landmarks(process->objects_, process->codes_, runtime));
  process->landmarks_ = std::move(landmarks);
  return process;
}

Result<std::unique_ptr<Process>> Process::read(
    const memory::Memory& memory, const Runtime& runtime,
    const std::vector<target::ThreadState>& kernel_threads, const Landmarks& landmarks,
    const Known& known) {
  auto process = std::make_unique<Process>(memory, runtime.build);
  process->know(landmarks);
  process->gils_ = runtime.gils;
  for (const auto interpreter : runtime.interpreters) {
    HANGSPY_CHECK(process->read_threads(interpreter, kernel_threads));
  }
  process->miss_threads(known.threads, kernel_threads);
  HANGSPY_CHECK(process->read_tasks(known.tasks));
  return process;
}

void Process::know(const Landmarks& landmarks) {
  landmarks_ = landmarks;
  frames_.set_landmarks(landmarks_.library(),
                        [this](Address code) { return landmarks_.name_of(code); });
}

Result<void> Process::read_threads(Address interpreter,
                                   const std::vector<target::ThreadState>& kernel_threads) {
  HANGSPY_TRY(next, objects_.pointer(interpreter + objects_.layout().interpreter.threads_head));
  Walk walk;
  for (std::size_t step = 0; next; ++step) {
    if (step == kMaxThreads) return fail(Failure::kLimit, "more than 100,000 thread states");
    if (walk.comes_round(next)) {
      return fail(Failure::kImplausible, "the list of thread states leads back to " + to_hex(next));
    }
    HANGSPY_TRY(after, read_thread(next, interpreter, kernel_threads));
    next = after;
  }
  std::sort(threads_.begin(), threads_.end(), [](const RawThread& left, const RawThread& right) {
    return left.kernel.tid < right.kernel.tid;
  });
  read_thread_objects();
  return {};
}

// Returns the next one of the list.
Result<Address> Process::read_thread(Address state, Address interpreter,
                                     const std::vector<target::ThreadState>& kernel_threads) {
  const auto& field = objects_.layout().thread;
  const auto begin = moment();
  HANGSPY_TRY(owner, objects_.pointer(state + field.interpreter));
  if (owner != interpreter) {
    return fail(Failure::kImplausible, "the thread state at " + to_hex(state) +
                                           " belongs to the interpreter at " + to_hex(owner) +
                                           ", not to that at " + to_hex(interpreter));
  }
  HANGSPY_TRY(ident, objects_.value<std::uint64_t>(state + field.thread_id));
  HANGSPY_TRY(native_id, objects_.value<std::uint64_t>(state + field.native_thread_id));
  const auto* kernel = kernel_thread(kernel_threads, {ident}, native_id);
  if (kernel != nullptr) {
    auto& thread = threads_.emplace_back();
    thread.state = state;
    thread.ident = {ident};
    thread.kernel = *kernel;
    thread.running_loop = running_loop(state).value_or(Address{});
    read_stack(thread);
  } else if (native_id != 0 && !torn_since(begin)) {  // 0: it is only starting
    missing_.push_back("thread state " + to_hex(state) + ": no thread " +
                       std::to_string(native_id) + " in the process");
  }
  HANGSPY_TRY(after, objects_.pointer(state + field.next));
  if (kernel == nullptr || threads_.back().may_move()) explain(begin);  // or it starts or ends
  return after;
}

void Process::read_stack(RawThread& thread) {
  const auto begin = moment();
  auto frames = frames_.of_thread(thread.state);
  if (frames) {
    thread.frames = std::move(*frames);
    for (const auto& frame : thread.frames) thread.marks.push_back(landmarks_.of(frame));
  }
  thread.fresh = fresh_since(begin);
  thread.serves = serves_since_before(thread);
  thread.moves = thread.may_move() && torn_since(begin);
  if (!frames && !thread.moves) {
    missing_.push_back("the stack of thread " + std::to_string(thread.kernel.tid) + ": " +
                       frames.error().what);
  }
}

// The outermost frame in which it serves others while it waits, and what it waits for there.
bool Process::serves_since_before(const RawThread& thread) const {
  const auto mark = std::find(thread.marks.rbegin(), thread.marks.rend(), Mark::kRunUntilFuture);
  if (mark == thread.marks.rend()) return false;
  const auto& frame = thread.frames[static_cast<std::size_t>(thread.marks.rend() - mark) - 1];
  const auto begin = moment();
  const auto again = frames_.at(frame.address);
  const auto future = frames_.local(frame, "future");
  return !again || !future || !fresh_since(begin);
}

// Where the list of thread states is torn it may have led past some.
void Process::miss_threads(const std::vector<target::Tid>& known,
                           const std::vector<target::ThreadState>& kernel_threads) {
  for (const auto& kernel : kernel_threads) {
    const auto is_it = [&](const auto& each) { return each.kernel.tid == kernel.tid; };
    if (kernel.ran || std::find(known.begin(), known.end(), kernel.tid) == known.end() ||
        std::any_of(threads_.begin(), threads_.end(), is_it)) {
      continue;
    }
    missing_.push_back("thread " + std::to_string(kernel.tid) + ", which was there just before");
  }
}

// Only a thread that ran comes into that dict or goes, so it may be torn where all others are in
// it.
void Process::read_thread_objects() {
  const auto begin = moment();
  const auto active = landmarks_.global(objects_, "threading", "_active");
  if (!active) return;
  for (const auto& [key, object] : objects_.dict(*active).value_or(std::vector<Entry>{})) {
    const auto ident = objects_.integer(key);
    if (ident) thread_objects_.emplace(static_cast<std::uint64_t>(*ident), object);
  }
  const bool complete = std::all_of(threads_.begin(), threads_.end(), [&](const auto& each) {
    return each.kernel.ran || thread_object(each.ident);
  });
  if (complete) explain(begin);
}

const RawThread* Process::thread_of_ident(Address ident) const {
  const auto found = std::find_if(threads_.begin(), threads_.end(),
                                  [&](const RawThread& each) { return each.ident == ident; });
  return found == threads_.end() ? nullptr : &*found;
}

Address Process::thread_object(Address ident) const {
  const auto found = thread_objects_.find(ident.value);
  return found == thread_objects_.end() ? Address{} : found->second;
}

Result<Address> Process::running_loop(Address thread_state) const {
  const auto& field = objects_.layout().thread;
  if (objects_.traits().running_loop == layouts::RunningLoop::kThreadField) {
    return objects_.pointer(thread_state + field.running_loop);
  }
  HANGSPY_TRY(dict, objects_.pointer(thread_state + field.dict));
  if (!dict) return Address{};
  HANGSPY_TRY(found, objects_.item(dict, "__asyncio_running_event_loop__"));
  if (!found || objects_.is_none(*found)) return Address{};
  if (objects_.traits().running_loop == layouts::RunningLoop::kThreadDict) return *found;
  // 3.11 keeps a holder of the loop and of the pid that set it (Modules/_asynciomodule.c).
  HANGSPY_TRY(loop, objects_.pointer(*found + objects_.layout().object.size));
  return loop && !objects_.is_none(loop) ? loop : Address{};
}

snapshot::Thread Process::describe(const RawThread& thread) const {
  snapshot::Thread fact;
  fact.state = thread.state;
  fact.tid = thread.kernel.tid;
  fact.ident = thread.ident;
  fact.object = thread_object(thread.ident);
  fact.activity = static_cast<snapshot::Activity>(thread.kernel.activity);
  fact.syscall = thread.kernel.syscall;
  fact.run_counter = thread.kernel.run_counter;
  fact.moves = thread.moves;
  fact.running_loop = thread.running_loop;
  for (const auto& frame : thread.frames) fact.frames.push_back(frames_.fact(frame));
  for (std::size_t i = 0; i < thread.frames.size() && !fact.runs_handle; ++i) {
    if (thread.marks[i] != Mark::kHandleRun) continue;
    const auto handle = frames_.local(thread.frames[i], "self");
    if (handle && *handle) fact.runs_handle = **handle;
  }
  for (std::size_t i = thread.frames.size(); i-- > 0 && !fact.runs_until;) {
    if (thread.marks[i] != Mark::kRunUntilComplete) continue;
    const auto future = frames_.local(thread.frames[i], "future");
    if (!future || !*future || !is_future(**future)) continue;
    fact.runs_until = **future;
    fact.runs_until_frame = static_cast<std::uint32_t>(i);
  }
  if (fact.object) {
    const auto name_at = objects_.find(fact.object, "_name");
    if (name_at && *name_at) fact.name = objects_.text(**name_at).value_or(Text{});
  }
  return fact;
}

}  // namespace hangspy::python
