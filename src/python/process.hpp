// A CPython process as it lies in memory: its threads with their frames, its tasks with their await
// chains. What the kinds of wait in src/sync read starts here; it becomes plain facts there.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "hangspy/snapshot.hpp"
#include "hangspy/target.hpp"
#include "python/await_chain.hpp"
#include "python/landmarks.hpp"
#include "python/runtime.hpp"

namespace hangspy::python {

struct RawThread {
  Address state;
  Address ident;
  target::ThreadState kernel;    // what the kernel knows of it
  Address running_loop;          // that it runs at this moment, or null
  std::vector<RawFrame> frames;  // innermost first
  std::vector<Mark> marks;       // of each frame
  bool fresh = false;            // its stack is; see memory::Motion
  bool moves = false;            // its stack is torn, and it may move

  bool serves = false;  // others, in a wait that is not fresh

  // Whether it may be taken to move where something of it is torn: it ran. Of a wait in which it
  // serves others that says nothing.
  [[nodiscard]] bool may_move() const { return kernel.ran && !serves; }
};

// What another reading found just before. It is missed if it is not found again.
struct Known {
  Items tasks;
  std::vector<target::Tid> threads;
};

// One moment of the process. Its parts hold references to each other, so it stays where it is.
class Process {
 public:
  // Reads interpreters, threads and tasks. A thread or task that cannot be read is named in
  // missing() and does not lose the others; a thread list that cannot be read is an error. The
  // landmarks do not move while the process lives: find() finds them once.
  [[nodiscard]] static Result<std::unique_ptr<Process>> read(
      const memory::Memory& memory, const Runtime& runtime,
      const std::vector<target::ThreadState>& kernel_threads, const Landmarks& landmarks,
      const Known& known = {});

  // Finds only the landmarks: what there is to know while its threads run on.
  [[nodiscard]] static Result<std::unique_ptr<Process>> find(const memory::Memory& memory,
                                                             const Runtime& runtime);

  Process(const memory::Memory& memory, const layouts::Build& build);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  [[nodiscard]] const Objects& objects() const { return objects_; }
  [[nodiscard]] const Codes& codes() const { return codes_; }
  [[nodiscard]] const Frames& frames() const { return frames_; }
  [[nodiscard]] const Landmarks& landmarks() const { return landmarks_; }
  [[nodiscard]] const std::vector<RawThread>& threads() const { return threads_; }
  // Plain facts already: of a hundred thousand tasks one copy is enough.
  [[nodiscard]] const std::vector<snapshot::Task>& tasks() const { return tasks_; }
  [[nodiscard]] std::vector<snapshot::Task> take_tasks() { return std::move(tasks_); }
  // Whether tasks()[index] may have a done-callback: false only where it was seen to have none.
  [[nodiscard]] bool may_call_back(std::size_t index) const { return may_call_back_[index]; }
  [[nodiscard]] const std::vector<std::string>& missing() const { return missing_; }

  // The thread with this ident (pthread_self), or null.
  [[nodiscard]] const RawThread* thread_of_ident(Address ident) const;
  [[nodiscard]] bool is_future(Address object) const;  // an asyncio future or task
  [[nodiscard]] bool is_task(Address object) const;
  // An asyncio future's or task's own state.
  [[nodiscard]] Result<snapshot::FutureState> future_state(Address future) const;
  // The thread's threading.Thread, or null when threading does not know it.
  [[nodiscard]] Address thread_object(Address ident) const;
  // The task that `loop` runs at this moment, or null.
  [[nodiscard]] bool is_running(Address task) const { return running_tasks_.contains(task.value); }

  // Where the GIL's own structs lie, one an interpreter that has its own.
  [[nodiscard]] const Items& gils() const { return gils_; }

  // The facts of a thread, without what it waits for.
  [[nodiscard]] snapshot::Thread describe(const RawThread& thread) const;

  // ---- what moves (see memory::Motion). Whatever is read of a thing that is known to move may be
  // torn and does no harm: the thing can act. Anything else that is torn is a lack.
  struct Moment {
    memory::Motion motion;
    std::uint64_t explained = 0;
  };
  [[nodiscard]] Moment moment() const { return {objects_.memory().motion(), explained_}; }
  [[nodiscard]] bool torn_since(const Moment& begin) const {
    return objects_.memory().motion().torn != begin.motion.torn;
  }
  // What was torn since then was read of what moves.
  void explain(const Moment& begin) const {
    explained_ = begin.explained + objects_.memory().motion().torn - begin.motion.torn;
  }
  // How many reads were torn and are not explained.
  [[nodiscard]] std::uint64_t unexplained() const {
    return objects_.memory().motion().torn - explained_;
  }
  // Reads with `read`, and explains what is torn of it if that `moves`. Returns whether it did.
  template <class Read>
  bool read_what(bool moves, const Read& read) const {
    const auto begin = moment();
    read();
    if (!moves || !torn_since(begin)) return false;
    explain(begin);
    return true;
  }
  [[nodiscard]] bool fresh_since(const Moment& begin) const {
    return objects_.memory().motion().fresh != begin.motion.fresh;
  }
  // A task that took a step just before, or was born then. What it waits for now is as new as that.
  [[nodiscard]] bool is_fresh(Address task) const { return fresh_tasks_.contains(task.value); }

 private:
  // What is very much is read by two threads. The other one reads through a memory of its own into
  // a Process of its own, which knows the threads of this one and has no tasks yet; so they share
  // nothing but what neither changes. None where that cannot be.
  struct Partner {
    std::unique_ptr<memory::Memory> memory;
    std::unique_ptr<Process> process;
  };
  [[nodiscard]] std::optional<Partner> partner() const;

  void know(const Landmarks& landmarks);
  [[nodiscard]] Result<Address> running_loop(Address thread_state) const;
  [[nodiscard]] Result<Address> read_thread(Address state, Address interpreter,
                                            const std::vector<target::ThreadState>& kernel_threads);
  void read_stack(RawThread& thread);
  [[nodiscard]] bool serves_since_before(const RawThread& thread) const;
  void miss_threads(const std::vector<target::Tid>& known,
                    const std::vector<target::ThreadState>& kernel_threads);
  void read_thread_objects();
  [[nodiscard]] Result<void> read_threads(Address interpreter,
                                          const std::vector<target::ThreadState>& kernel_threads);
  [[nodiscard]] Result<void> read_tasks(const Items& known);
  [[nodiscard]] Result<Items> find_tasks(const Items& known);
  [[nodiscard]] Result<void> read_running_tasks();
  [[nodiscard]] bool is_lost(Address task, const Items& found) const;
  [[nodiscard]] Result<Items> task_objects() const;
  void read_all(std::span<const Address> objects);
  void read_halves(std::span<const Address> objects, const Partner& partner);
  void read_some(std::span<const Address> objects);
  void add_task(Address object);
  [[nodiscard]] Result<snapshot::Task> read_task(Address object) const;
  void read_label(snapshot::Task& task) const;
  [[nodiscard]] Result<bool> has_callbacks(Address task) const;
  void continue_on_thread(std::vector<snapshot::AwaitLink>& chain) const;
  [[nodiscard]] Result<Text> task_name(Address object) const;

  Objects objects_;
  Codes codes_;
  Frames frames_;
  Landmarks landmarks_;
  std::vector<RawThread> threads_;
  std::vector<snapshot::Task> tasks_;
  std::vector<bool> may_call_back_;                            // by task
  std::unordered_map<std::uint64_t, Address> thread_objects_;  // by ident
  std::unordered_map<std::uint64_t, bool> running_tasks_;
  Items gils_;
  std::unordered_set<std::uint64_t> fresh_tasks_;
  mutable std::uint64_t explained_ = 0;  // of the torn reads
  std::vector<std::string> missing_;
};

}  // namespace hangspy::python
