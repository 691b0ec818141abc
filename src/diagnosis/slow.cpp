#include "diagnosis/slow.hpp"

#include <algorithm>
#include <set>

namespace hangspy::diagnosis {
namespace {

using graph::NodeIndex;
using graph::NodeKind;
using snapshot::WaitKind;

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::size_t requests(const Facts& facts) {
  const auto& tasks = facts.all().tasks;
  return static_cast<std::size_t>(std::count_if(tasks.begin(), tasks.end(), [](const auto& task) {
    return task.is_request && task.state == snapshot::FutureState::kPending;
  }));
}

struct Work {
  std::size_t running = 0;
  std::size_t queued = 0;
};

Work work_items(const Facts& facts) {
  Work work;
  for (const auto& executor : facts.all().executors) {
    for (const auto& item : executor.items) ++(item.queued_at ? work.queued : work.running);
  }
  return work;
}

// The innermost running work item of a thread that is itself at work in it, and not waiting for
// async code: there the line begins.
struct Head {
  const snapshot::Thread* thread = nullptr;
  const snapshot::WorkItem* item = nullptr;
  const snapshot::Executor* executor = nullptr;
  std::size_t queued = 0;
};

std::size_t queued_behind(const Facts& facts, Address thread) {
  std::size_t queued = 0;
  for (const auto& executor : facts.all().executors) {
    const auto& workers = executor.workers;
    if (executor.serves || workers.size() != 1 || workers.front() != thread) continue;
    queued += static_cast<std::size_t>(
        std::count_if(executor.items.begin(), executor.items.end(),
                      [](const auto& each) { return each.queued_at.has_value(); }));
  }
  return queued;
}

// Whether the thread waits for nothing that somebody else is known to do.
bool is_at_work(const graph::WaitGraph& graph, const snapshot::Thread& thread) {
  const auto node = graph.find({NodeKind::kThread, thread.state});
  if (!node) return false;
  if (graph.at(*node).acts != graph::Acts::kWhenFreed) return true;
  const auto edges = graph.edges_of(*node);
  return std::any_of(edges.begin(), edges.end(), [&](auto index) {
    return graph.at(graph.edge(index).to).acts == graph::Acts::kOpen;
  });
}

void consider(const Facts& facts, const graph::WaitGraph& graph, const snapshot::Executor& executor,
              const snapshot::WorkItem& item, Head& head) {
  const auto* thread = item.runs_on ? facts.thread(item.runs_on) : nullptr;
  if (thread == nullptr || !is_at_work(graph, *thread)) return;
  const bool inner = head.thread == thread && item.frame < head.item->frame;
  const auto queued = queued_behind(facts, thread->state);
  if (head.item == nullptr || inner || (head.thread != thread && queued > head.queued)) {
    head = {thread, &item, &executor, queued};
  }
}

Head find_head(const Facts& facts, const graph::WaitGraph& graph) {
  Head head;
  for (const auto& executor : facts.all().executors) {
    for (const auto& item : executor.items) consider(facts, graph, executor, item, head);
  }
  return head;
}

// The reply waits for nothing any more, but the thread that should send it still runs the item.
bool caller_has_gone(const Facts& facts, const Head& head) {
  const auto* until = facts.concurrent_future(head.executor->until);
  return until != nullptr && until->state != snapshot::FutureState::kPending;
}

Phrase head_words(const Facts& facts, const Head& head) {
  Phrase words = head.item->function;
  if (const auto frame = user_frame(*head.thread)) words += Phrase(", at ") + place_of(*frame);
  words += Phrase(", on thread \"") + head.thread->name + "\"";
  if (!head.thread->wait.evidence.empty() && head.thread->wait.kind == WaitKind::kOutside) {
    words += Phrase(" in " + head.thread->wait.evidence.front());
  }
  if (head.queued != 0) words += "; " + counted(head.queued, "work item") + " queued behind it";
  if (caller_has_gone(facts, head)) {
    words += "; its caller has given up (a timeout), but it runs on and holds up the reply";
  }
  return words;
}

// What a request's task waits for in the end, when no thread is at work for it.
Phrase task_words(const snapshot::Task& task) {
  Phrase words = Phrase("task \"") + task.name + "\"";
  if (const auto frame = user_frame(task)) words += Phrase(", at ") + code_and_place(*frame);
  return words;
}

// Of the tasks that a request waits for, directly or through threads and other tasks, the farthest
// that is in the user's code; else the farthest of all.
const snapshot::Task* last_task(const Facts& facts, const graph::WaitGraph& graph,
                                const snapshot::Task& request) {
  const snapshot::Task* last = &request;
  const snapshot::Task* in_user_code = nullptr;
  std::vector<NodeIndex> reached;
  if (const auto start = graph.find({NodeKind::kTask, request.object})) reached.push_back(*start);
  std::set<NodeIndex> seen(reached.begin(), reached.end());
  for (std::size_t i = 0; i < reached.size(); ++i) {
    if (const auto* task = facts.task(graph.at(reached[i]).id.object)) {
      last = task;
      const auto frame = user_frame(*task);
      if (frame && (*frame)->origin == snapshot::Origin::kUser) in_user_code = task;
    }
    for (const auto index : graph.edges_of(reached[i])) {
      const auto to = graph.edge(index).to;
      const bool is_way = graph.at(to).id.kind != NodeKind::kEventLoop;
      if (is_way && seen.insert(to).second) reached.push_back(to);
    }
  }
  return in_user_code != nullptr ? in_user_code : last;
}

// Where an event loop's thread is inside a callback that runs.
std::optional<snapshot::Frame> busy_loop(const Facts& facts) {
  for (const auto& thread : facts.all().threads) {
    if (thread.runs_handle && thread.wait.kind == WaitKind::kNone) return user_frame(thread);
  }
  return std::nullopt;
}

// Threads that wait for something of which it is not known who will release it.
std::size_t open_waits(const Facts& facts, const graph::WaitGraph& graph) {
  std::size_t count = 0;
  for (const auto& thread : facts.all().threads) {
    const auto node = graph.find({NodeKind::kThread, thread.state});
    if (!node) continue;
    const auto edges = graph.edges_of(*node);
    const bool is_open = std::any_of(edges.begin(), edges.end(), [&](auto index) {
      return graph.at(graph.edge(index).to).acts == graph::Acts::kOpen;
    });
    count += is_open ? 1 : 0;
  }
  return count;
}

Phrase idle_words(const Facts& facts, const graph::WaitGraph& graph) {
  const auto waits = open_waits(facts, graph);
  if (waits == 0) return "idle: no request is in flight, nothing is queued";
  return "no hang was found; " + counted(waits, "thread") + (waits == 1 ? " waits" : " wait") +
         " for what others may release";
}

}  // namespace

void judge_moving(const Facts& facts, Diagnosis& diagnosis) {
  const auto open = requests(facts);
  if (const auto head = find_head(facts, diagnosis.graph); head.item != nullptr) {
    diagnosis.verdict = Verdict::kSlow;
    diagnosis.headline = Phrase("the head of the line is ") + head_words(facts, head);
    return;
  }
  if (const auto busy = busy_loop(facts)) {
    diagnosis.verdict = Verdict::kSlow;
    diagnosis.headline = Phrase("an event loop's thread is at work in ") + code_and_place(*busy);
    return;
  }
  const auto work = work_items(facts);
  if (open == 0 && work.queued + work.running != 0) {
    diagnosis.verdict = Verdict::kSlow;
    diagnosis.headline = counted(work.running, "work item") + " running and " +
                         counted(work.queued, "work item") +
                         " queued, waiting for what may still happen";
    return;
  }
  if (open == 0) {
    diagnosis.verdict = Verdict::kHealthy;
    diagnosis.headline = idle_words(facts, diagnosis.graph);
    return;
  }
  diagnosis.verdict = Verdict::kSlow;
  diagnosis.headline =
      Phrase(counted(open, "request") + " in flight, waiting for what may still happen");
  for (const auto& task : facts.all().tasks) {
    if (!task.is_request || task.state != snapshot::FutureState::kPending) continue;
    diagnosis.headline += Phrase(": ") + task_words(*last_task(facts, diagnosis.graph, task));
    break;
  }
}

}  // namespace hangspy::diagnosis
