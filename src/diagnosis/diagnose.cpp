// From a snapshot to a verdict.
//
// The graph is reduced twice. First with the clock: what is stuck even then is stuck for ever, and
// its causes are the findings. If there are none, once more without the clock: a closed cycle that
// only a timer will break is still a deadlock, with its deadline. Waits on things without an
// owner (an event, a queue) count only when somebody is owed what stands behind them.
#include <algorithm>
#include <set>

#include "diagnosis/blocked_loop.hpp"
#include "diagnosis/participants.hpp"
#include "diagnosis/rules.hpp"
#include "diagnosis/signature.hpp"
#include "diagnosis/slow.hpp"
#include "sync/waits.hpp"

namespace hangspy::diagnosis {
namespace {

using graph::Acts;
using graph::Component;
using graph::EdgeIndex;
using graph::Grade;
using graph::NodeIndex;
using graph::NodeKind;

// Everything that somebody is owed: from the demanded nodes along what they need.
std::vector<bool> demanded(const graph::WaitGraph& graph) {
  std::vector<bool> reached(graph.nodes().size(), false);
  std::vector<NodeIndex> open;
  const auto reach = [&](NodeIndex node) {
    if (reached[node]) return;
    reached[node] = true;
    open.push_back(node);
  };
  for (NodeIndex i = 0; i < graph.nodes().size(); ++i) {
    if (graph.at(i).demanded) reach(i);
  }
  while (!open.empty()) {
    const auto node = open.back();
    open.pop_back();
    for (const auto edge : graph.edges_of(node)) reach(graph.edge(edge).to);
  }
  return reached;
}

bool all_seen(const graph::WaitGraph& graph, const Component& component) {
  return std::all_of(component.waits.begin(), component.waits.end(),
                     [&](EdgeIndex index) { return graph.edge(index).grade == Grade::kSeen; });
}

bool any_demanded(const Component& component, const std::vector<bool>& owed) {
  return std::any_of(component.nodes.begin(), component.nodes.end(),
                     [&](NodeIndex node) { return owed[node]; });
}

// A proven cycle is a finding wherever it stands; anything less must be owed to somebody.
std::optional<Component> finding(const graph::WaitGraph& graph, const std::vector<bool>& acts,
                                 const std::vector<bool>& owed) {
  std::optional<Component> likely, orphan;
  for (auto& cause : graph::causes(graph, acts)) {
    if (cause.is_cycle && all_seen(graph, cause)) return cause;
    if (!any_demanded(cause, owed)) continue;
    auto& place = cause.is_cycle ? likely : orphan;
    if (!place) place = std::move(cause);
  }
  return likely ? likely : orphan;
}

// The cycle begins at an event loop's thread, else at the thread with the lowest tid (they are
// sorted), else at the first task: the same dump always tells it the same way.
NodeIndex start_of(const Facts& facts, const graph::WaitGraph& graph, const Component& component) {
  std::optional<NodeIndex> thread, task;
  for (const auto node : component.nodes) {
    const auto& id = graph.at(node).id;
    if (id.kind == NodeKind::kTask && !task) task = node;
    if (id.kind != NodeKind::kThread) continue;
    const auto* fact = facts.thread(id.object);
    if (fact != nullptr && facts.runs_loop(*fact)) return node;
    if (!thread) thread = node;
  }
  return thread ? *thread : task ? *task : component.nodes.front();
}

// A shortest cycle, if there is one by way of what is queued: a caller that waits for the work of a
// thread that is stuck closes a cycle, too, but only says again that the thread is stuck.
std::vector<EdgeIndex> telling_cycle(const Facts& facts, const graph::WaitGraph& graph,
                                     const Component& component) {
  const auto start = start_of(facts, graph, component);
  const auto runs = [&](NodeIndex node) {
    const auto& id = graph.at(node).id;
    const auto* item = id.kind == NodeKind::kWorkItem ? facts.item(id.object) : nullptr;
    return item != nullptr && !item->queued_at;
  };
  auto narrow = component;
  std::erase_if(narrow.waits, [&](EdgeIndex edge) { return runs(graph.edge(edge).from); });
  auto cycle = graph::shortest_cycle(graph, narrow, start);
  return cycle.empty() ? graph::shortest_cycle(graph, component, start) : cycle;
}

// The way to a cause that is no cycle: from what somebody is owed to what nobody can release.
std::vector<EdgeIndex> way_to(const graph::WaitGraph& graph, NodeIndex cause) {
  for (EdgeIndex i = 0; i < graph.edges().size(); ++i) {
    if (graph.edge(i).to == cause) return {i};
  }
  return {};
}

// Whether any of the ways on which a request may end leads into what is stuck. It may have others
// (a disconnect of its client), but none that answers it.
bool hangs(const graph::WaitGraph& graph, NodeIndex request, const std::vector<bool>& acts) {
  std::set<NodeIndex> seen{request};
  std::vector<NodeIndex> open{request};
  while (!open.empty()) {
    const auto node = open.back();
    open.pop_back();
    if (!acts[node]) return true;
    for (const auto index : graph.edges_of(node)) {
      const auto to = graph.edge(index).to;
      const bool is_way = graph.at(to).id.kind != NodeKind::kEventLoop;
      if (is_way && seen.insert(to).second) open.push_back(to);
    }
  }
  return false;
}

void count_impact(const Facts& facts, Diagnosis& diagnosis, const std::vector<bool>& acts) {
  const auto is_told = [&](NodeIndex node) {
    return std::any_of(diagnosis.participants.begin(), diagnosis.participants.end(),
                       [&](const Participant& each) { return each.node == node; });
  };
  for (const auto node : diagnosis.stuck_behind) {
    if (is_told(node)) continue;
    const auto& id = diagnosis.graph.at(node).id;
    const auto* task = id.kind == NodeKind::kTask ? facts.task(id.object) : nullptr;
    if (id.kind == NodeKind::kThread) ++diagnosis.impact.threads;
    if (task != nullptr && !task->is_request) ++diagnosis.impact.tasks;
  }
  for (const auto& task : facts.all().tasks) {
    const auto node = diagnosis.graph.find({NodeKind::kTask, task.object});
    if (task.is_request && node && hangs(diagnosis.graph, *node, acts)) ++diagnosis.impact.requests;
  }
  for (const auto& loop : facts.all().loops) {
    const auto node = diagnosis.graph.find({NodeKind::kEventLoop, loop.object});
    if (node && !acts[*node]) diagnosis.impact.serves_others = false;
  }
}

Phrase cycle_headline(const graph::WaitGraph& graph, const Diagnosis& diagnosis) {
  std::size_t threads = 0, tasks = 0;
  for (const auto edge : diagnosis.cycle) {
    const auto kind = graph.at(graph.edge(edge).from).id.kind;
    threads += kind == NodeKind::kThread ? 1 : 0;
    tasks += kind == NodeKind::kTask ? 1 : 0;
  }
  const auto counted = [](std::size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  std::string parties = threads != 0 ? counted(threads, "thread") : "";
  if (tasks != 0) parties += (parties.empty() ? "" : ", ") + counted(tasks, "asyncio task");
  return counted(diagnosis.participants.size(), "wait") + " form a closed cycle (" + parties + ")";
}

void tell_cause(const Facts& facts, const Component& component, const std::vector<bool>& acts,
                Diagnosis& diagnosis) {
  const auto& graph = diagnosis.graph;
  diagnosis.cycle = component.is_cycle ? telling_cycle(facts, graph, component)
                                       : way_to(graph, component.nodes.front());
  diagnosis.cause = component.nodes;
  const Case found{facts, graph, diagnosis.cycle};
  const auto& rule = component.is_cycle ? rule_of_cycle(found) : kNobodyCanRelease;
  diagnosis.verdict = component.is_cycle ? Verdict::kDeadlock : Verdict::kOrphanWait;
  // That nobody else holds an object rests on its references: likely, as with any witness.
  const bool proven = component.is_cycle && all_seen(graph, component);
  diagnosis.certainty = proven ? Certainty::kProven : Certainty::kLikely;
  diagnosis.rule = rule.name;
  diagnosis.participants = participants(found);
  diagnosis.advice = rule.advise(found);
  diagnosis.headline = component.is_cycle ? cycle_headline(graph, diagnosis)
                                          : Phrase("a wait that nothing alive can end");
  diagnosis.stuck_behind = graph::stuck_behind(graph, component, acts);
  count_impact(facts, diagnosis, acts);
}

// The earliest timer that a party of the cycle waits for besides, and that can fire.
std::optional<double> deadline_of(const graph::WaitGraph& graph, const Component& component,
                                  const std::vector<bool>& acts) {
  std::optional<double> earliest;
  for (const auto node : component.nodes) {
    for (const auto index : graph.edges_of(node)) {
      const auto& timer = graph.at(graph.edge(index).to);
      if (timer.acts != Acts::kAtDeadline || !acts[graph.edge(index).to]) continue;
      const auto seconds = timer.deadline_seconds;
      if (seconds && (!earliest || *seconds < *earliest)) earliest = seconds;
    }
  }
  return earliest;
}

bool any_acts(const graph::WaitGraph& graph, Acts how) {
  return std::any_of(graph.nodes().begin(), graph.nodes().end(),
                     [&](const graph::Node& each) { return each.acts == how; });
}

// A cycle of seen edges that only the clock will break. A polled event is none: its holders are
// witnesses, and the next round of the poll is what ends the wait.
bool judge_deadline(const Facts& facts, const std::vector<bool>& acts, Diagnosis& diagnosis) {
  if (!any_acts(diagnosis.graph, Acts::kAtDeadline)) return false;  // then it was found already
  const auto acts_before = graph::reduce(diagnosis.graph, {.timers_fire = false});
  for (const auto& cause : graph::causes(diagnosis.graph, acts_before)) {
    if (!cause.is_cycle || !all_seen(diagnosis.graph, cause)) continue;
    tell_cause(facts, cause, acts_before, diagnosis);
    diagnosis.deadline_seconds = deadline_of(diagnosis.graph, cause, acts);
    diagnosis.headline += ", which a timeout will break";
    diagnosis.ends_by_itself = true;
    return true;
  }
  return false;
}

// A loop that goes on and cannot be looked into may be about to run what ends the wait of a task,
// even of another loop that goes on. The cycle is there all the same.
void doubt_ending(const Facts& facts, const std::vector<bool>& acts, Diagnosis& diagnosis) {
  if (diagnosis.verdict != Verdict::kDeadlock) return;
  const auto goes_on = [&](Address loop) {
    const auto node = diagnosis.graph.find({NodeKind::kEventLoop, loop});
    return node && acts[*node];
  };
  const bool can_be_ended =
      std::any_of(diagnosis.cause.begin(), diagnosis.cause.end(), [&](const NodeIndex node) {
        const auto& id = diagnosis.graph.at(node).id;
        const auto* task = id.kind == NodeKind::kTask ? facts.task(id.object) : nullptr;
        return task != nullptr && goes_on(task->loop);
      });
  std::set<std::string> unread;
  for (const auto& loop : facts.all().loops) {
    const bool counts = can_be_ended && !loop.readable && goes_on(loop.object);
    if (counts) unread.insert(sync::unread_queues_of(loop));
  }
  diagnosis.may_end = !unread.empty();
  for (const auto& each : unread) diagnosis.missing.push_back("the queues of " + each);
}

// What somebody is owed may hang on something that could not be read: then nothing is proven.
bool judge_unreadable(const std::vector<bool>& acts, const std::vector<bool>& owed,
                      Diagnosis& diagnosis) {
  const auto& graph = diagnosis.graph;
  if (!any_acts(graph, Acts::kUnreadable)) return false;
  const auto strictly = graph::reduce(graph, {.unreadable_acts = false});
  std::set<std::string> reasons;
  bool depends = false;
  for (NodeIndex i = 0; i < graph.nodes().size(); ++i) {
    if (!owed[i] || !acts[i] || strictly[i]) continue;
    depends = true;
    if (graph.at(i).acts == Acts::kUnreadable) {
      reasons.insert(std::string(graph::name_of(graph.at(i).id.kind)) + ": " +
                     std::string(graph.at(i).reason()));
    }
  }
  if (!depends) return false;
  diagnosis.verdict = Verdict::kInconclusive;
  diagnosis.headline = "something that is waited for could not be read";
  diagnosis.missing.insert(diagnosis.missing.end(), reasons.begin(), reasons.end());
  return true;
}

void list_parked(const std::vector<bool>& acts, const std::vector<bool>& owed,
                 Diagnosis& diagnosis) {
  for (NodeIndex i = 0; i < acts.size(); ++i) {
    if (!acts[i] && !owed[i]) diagnosis.parked.push_back(i);
  }
}

// A thread or task that could not be read may be the one that hangs: without a finding, what is
// missing leaves the verdict open.
void doubt_what_was_missed(const snapshot::Snapshot& snapshot, Diagnosis& diagnosis) {
  const bool moves = diagnosis.verdict == Verdict::kHealthy || diagnosis.verdict == Verdict::kSlow;
  if (snapshot.missing.empty() || !moves) return;
  diagnosis.verdict = Verdict::kInconclusive;
  diagnosis.headline = "no hang was found, but not everything could be read";
}

}  // namespace

Diagnosis diagnose(const snapshot::Snapshot& snapshot) {
  Diagnosis diagnosis;
  diagnosis.missing = snapshot.missing;
  diagnosis.graph = sync::build_graph(snapshot);
  const Facts facts(snapshot);
  const auto acts = graph::reduce(diagnosis.graph, {});
  const auto owed = demanded(diagnosis.graph);
  if (const auto cause = finding(diagnosis.graph, acts, owed)) {
    tell_cause(facts, *cause, acts, diagnosis);
  } else if (!judge_deadline(facts, acts, diagnosis) && !judge_unreadable(acts, owed, diagnosis) &&
             !judge_blocked_loop(facts, diagnosis)) {
    judge_moving(facts, diagnosis);
    list_parked(acts, owed, diagnosis);
  }
  doubt_ending(facts, acts, diagnosis);
  doubt_what_was_missed(snapshot, diagnosis);
  const bool moves = diagnosis.verdict == Verdict::kHealthy ||
                     diagnosis.verdict == Verdict::kSlow ||
                     diagnosis.verdict == Verdict::kBlockedLoop;
  diagnosis.signature = signature(facts, diagnosis.graph, acts, moves);
  return diagnosis;
}

}  // namespace hangspy::diagnosis
