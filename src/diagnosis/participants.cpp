#include "diagnosis/participants.hpp"

#include <algorithm>
#include <map>

namespace hangspy::diagnosis {
namespace {

using graph::EdgeIndex;
using graph::NodeIndex;
using graph::NodeKind;

char letter_of(NodeKind kind) {
  switch (kind) {
    case NodeKind::kThread:
      return 'T';
    case NodeKind::kTask:
      return 'A';
    case NodeKind::kHandle:
      return 'H';
    case NodeKind::kWorkItem:
      return 'W';
    case NodeKind::kFuture:
    case NodeKind::kConcurrentFuture:
      return 'F';
    case NodeKind::kLock:
      return 'L';
    case NodeKind::kCondition:
      return 'C';
    case NodeKind::kEvent:
      return 'E';
    case NodeKind::kQueue:
      return 'Q';
    case NodeKind::kExecutor:
      return 'X';
    case NodeKind::kEventLoop:
      return 'O';
  }
  return 'N';
}

// Writes the sentences of one cycle.
class Telling {
 public:
  explicit Telling(const Case& found) : case_(found) {
    for (const auto edge : case_.cycle) name(case_.graph.edge(edge).from);
  }

  std::vector<Participant> tell() {
    std::vector<Participant> all;
    for (std::size_t i = 0; i < case_.cycle.size(); ++i) {
      const auto node = case_.graph.edge(case_.cycle[i]).from;
      if (!shown(node)) continue;
      all.push_back({node, aliases_[node], sentences(i, node)});
    }
    return all;
  }

 private:
  // A future is only shown where a thread waits for it; executors are told with their items.
  bool shown(NodeIndex node) const {
    const auto kind = case_.graph.at(node).id.kind;
    if (kind == NodeKind::kExecutor || kind == NodeKind::kFuture) return false;
    return kind != NodeKind::kConcurrentFuture || waited_by_thread(node);
  }

  bool waited_by_thread(NodeIndex node) const {
    return std::any_of(case_.cycle.begin(), case_.cycle.end(), [&](EdgeIndex index) {
      const auto& edge = case_.graph.edge(index);
      return edge.to == node && case_.graph.at(edge.from).id.kind == NodeKind::kThread;
    });
  }

  void name(NodeIndex node) {
    if (!shown(node) && case_.graph.at(node).id.kind != NodeKind::kExecutor) return;
    const char letter = letter_of(case_.graph.at(node).id.kind);
    if (!aliases_.contains(node)) aliases_[node] = letter + std::to_string(++counts_[letter]);
  }

  // The evidence of the edge at `position` and of the passed-over ones behind it, and where they
  // lead: the next party that is shown.
  struct Step {
    NodeIndex to;
    std::vector<std::string> evidence;
    graph::Grade grade;
  };
  Step step(std::size_t position) const {
    Step step{0, {}, graph::Grade::kSeen};
    for (std::size_t i = 0; i < case_.cycle.size(); ++i) {
      const auto& edge = case_.graph.edge(case_.cycle[(position + i) % case_.cycle.size()]);
      for (const auto& each : edge.evidence.words()) {
        if (std::find(step.evidence.begin(), step.evidence.end(), each) == step.evidence.end()) {
          step.evidence.push_back(each);
        }
      }
      step.grade = std::max(step.grade, edge.grade);
      step.to = edge.to;
      if (shown(edge.to)) break;
    }
    return step;
  }

  std::string alias(NodeIndex node) const {
    const auto known = aliases_.find(node);
    return known == aliases_.end() ? std::string(graph::name_of(case_.graph.at(node).id.kind))
                                   : known->second;
  }

  std::vector<Sentence> sentences(std::size_t position, NodeIndex node) {
    const auto next = step(position);
    const auto& id = case_.graph.at(node).id;
    switch (id.kind) {
      case NodeKind::kThread:
        return of_thread(id.object, next);
      case NodeKind::kTask:
        return of_task(id.object, next);
      case NodeKind::kHandle:
        return of_handle(id.object, next);
      case NodeKind::kWorkItem:
        return of_item(id.object, next);
      case NodeKind::kLock:
        return of_lock(id.object, next);
      case NodeKind::kEventLoop:
        return {told("an event loop, which " + alias(next.to) + " runs", next)};
      case NodeKind::kConcurrentFuture:
        return {told("the result of " + alias(next.to), next)};
      default:
        return {told("can only be released by " + alias(next.to), next)};
    }
  }

  static Sentence told(Phrase words, const Step& next) {
    return {std::move(words), {}, next.evidence, next.grade};
  }

  // What the party waits for, in words: a work item by its function and its place in the queue.
  Phrase target(const Step& next) const {
    Phrase words = alias(next.to);
    const auto& id = case_.graph.at(next.to).id;
    if (id.kind == NodeKind::kLock) return named(next.to, lock_name(id.object));
    if (id.kind == NodeKind::kEvent) return named(next.to, "a threading.Event");
    if (id.kind == NodeKind::kQueue) return named(next.to, "a queue");
    if (id.kind == NodeKind::kCondition) return named(next.to, "a threading.Condition");
    const auto* item = id.kind == NodeKind::kWorkItem ? case_.facts.item(id.object) : nullptr;
    if (item == nullptr) return words;
    words += Phrase(", ") + item->function;
    if (!item->queued_at) return words + ", which runs";
    return words + (*item->queued_at == 0 ? std::string(", first in its executor's queue")
                                          : ", number " + std::to_string(*item->queued_at + 1) +
                                                " in its executor's queue");
  }

  // What nobody can release is no party, and has no alias.
  std::string named(NodeIndex node, const std::string& what) const {
    return aliases_.contains(node) ? alias(node) + ", " + what : what;
  }

  std::string lock_name(Address object) const {
    const auto* lock = case_.facts.lock(object);
    const bool recursive = lock != nullptr && lock->kind == snapshot::LockKind::kRecursiveLock;
    return recursive ? "a threading.RLock" : "a threading.Lock";
  }

  std::vector<Sentence> of_thread(Address state, const Step& next) {
    const auto* thread = case_.facts.thread(state);
    if (thread == nullptr) return {told("a thread; waits for " + alias(next.to), next)};
    Sentence title;
    title.words = Phrase("thread \"") + thread->name + "\" (tid " + std::to_string(thread->tid) +
                  ")" +
                  (case_.facts.runs_loop(*thread) ? ", runs an event loop" : only_worker(state));
    Sentence wait = told(Phrase("waits for ") + target(next), next);
    if (thread->wait.kind == snapshot::WaitKind::kJoin) {
      wait.words = Phrase("joins ") + target(next) + ": waits for its end";
    }
    if (const auto frame = user_frame(*thread)) {
      wait.words = Phrase(thread->wait.kind == snapshot::WaitKind::kServeUntil
                              ? "is in async_to_sync, called by "
                              : "is in ") +
                   bare_name((*frame)->function) + "; " + wait.words;
      wait.frames.push_back(*frame);
    }
    return {std::move(title), std::move(wait)};
  }

  std::string only_worker(Address state) const {
    for (const auto& executor : case_.facts.all().executors) {
      const bool pool = executor.kind == snapshot::ExecutorKind::kThreadPool;
      if (pool && executor.workers.size() == 1 && executor.workers.front() == state) {
        return ", the only worker of its pool";
      }
    }
    return "";
  }

  std::vector<Sentence> of_task(Address object, const Step& next) {
    const auto* task = case_.facts.task(object);
    if (task == nullptr) return {told("a task; waits for " + alias(next.to), next)};
    Sentence title;
    title.words = Phrase("task \"") + task->name + "\"";
    Sentence wait = told(Phrase("waits for ") + target(next), next);
    if (case_.graph.at(next.to).id.kind == NodeKind::kEventLoop) {
      wait.words = Phrase("is ready, but ") + alias(next.to) + " does not run it";
    }
    if (const auto frame = user_frame(*task)) wait.frames.push_back(*frame);
    return {std::move(title), std::move(wait)};
  }

  std::vector<Sentence> of_handle(Address object, const Step& next) {
    const auto* handle = case_.facts.handle(object);
    Sentence wait = told(Phrase("waits for ") + alias(next.to) + " to run it", next);
    if (handle == nullptr) return {std::move(wait)};
    Sentence title;
    title.words = handle->kind == snapshot::HandleKind::kReady ? "ready in the loop's queue: "
                                                               : "to be called by the loop: ";
    if (handle->coroutine_frame) {
      title.words +=
          Phrase("the coroutine ") + (*handle->coroutine_frame)->function + ", not started yet";
    } else {
      title.words += handle->callback;
    }
    return {std::move(title), std::move(wait)};
  }

  std::vector<Sentence> of_item(Address object, const Step& next) {
    const auto* item = case_.facts.item(object);
    const bool on_thread = case_.graph.at(next.to).id.kind == NodeKind::kThread;
    if (item != nullptr && !item->queued_at && !on_thread) {
      return {told("runs an event loop until " + alias(next.to) + " is done", next)};
    }
    if (item == nullptr || !item->queued_at) return {told("runs on " + alias(next.to), next)};
    const auto* executor = case_.facts.executor_of_item(object);
    const auto workers = executor != nullptr ? executor->workers.size() : 1;
    if (workers <= 1) return {told("can only run on " + alias(next.to), next)};
    return {told("can only run on one of " + std::to_string(workers) +
                     " workers, all of which wait; " + alias(next.to) + " is one",
                 next)};
  }

  std::vector<Sentence> of_lock(Address object, const Step& next) {
    Sentence held = told(Phrase(lock_name(object)) + ", held by " + alias(next.to), next);
    const auto* lock = case_.facts.lock(object);
    const auto frame = lock != nullptr ? holding_frame(case_.facts, *lock) : std::nullopt;
    if (frame) held.frames.push_back(*frame);
    return {std::move(held)};
  }

  const Case& case_;
  std::map<NodeIndex, std::string> aliases_;
  std::map<char, int> counts_;
};

}  // namespace

std::vector<Participant> participants(const Case& found) {
  return Telling(found).tell();
}

}  // namespace hangspy::diagnosis
