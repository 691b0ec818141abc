#include "diagnosis/case.hpp"

#include <algorithm>

namespace hangspy::diagnosis {
namespace {

using graph::NodeKind;
using snapshot::Origin;

template <class Map>
auto found(const Map& map, Address object) -> typename Map::mapped_type {
  const auto at = map.find(object.value);
  return at == map.end() ? nullptr : at->second;
}

}  // namespace

Facts::Facts(const snapshot::Snapshot& snapshot)
    : snapshot_(snapshot),
      threads_(snapshot.threads, &snapshot::Thread::state),
      tasks_(snapshot.tasks, &snapshot::Task::object),
      loops_(snapshot.loops, &snapshot::EventLoop::object),
      executors_(snapshot.executors, &snapshot::Executor::object),
      locks_(snapshot.locks, &snapshot::Lock::object),
      concurrent_(snapshot.concurrent_futures, &snapshot::ConcurrentFuture::object) {
  for (const auto& loop : snapshot.loops) {
    for (const auto& each : loop.handles) handles_.emplace(each.object.value, &each);
  }
  for (const auto& executor : snapshot.executors) {
    for (const auto& each : executor.items) {
      items_.emplace(each.object.value, &each);
      item_executors_.emplace(each.object.value, &executor);
    }
  }
}

const snapshot::Thread* Facts::thread(Address state) const {
  return threads_.find(state);
}
const snapshot::Task* Facts::task(Address object) const {
  return tasks_.find(object);
}
const snapshot::EventLoop* Facts::loop(Address object) const {
  return loops_.find(object);
}
const snapshot::Handle* Facts::handle(Address object) const {
  return found(handles_, object);
}
const snapshot::WorkItem* Facts::item(Address object) const {
  return found(items_, object);
}
const snapshot::Executor* Facts::executor(Address object) const {
  return executors_.find(object);
}
const snapshot::Executor* Facts::executor_of_item(Address item) const {
  return found(item_executors_, item);
}
const snapshot::Lock* Facts::lock(Address object) const {
  return locks_.find(object);
}
const snapshot::ConcurrentFuture* Facts::concurrent_future(Address object) const {
  return concurrent_.find(object);
}

bool Facts::runs_loop(const snapshot::Thread& thread) const {
  return std::any_of(snapshot_.loops.begin(), snapshot_.loops.end(),
                     [&](const auto& loop) { return loop.thread == thread.state; });
}

std::optional<std::string_view> Facts::version(std::string_view package) const {
  for (const auto& each : snapshot_.runtime.packages) {
    if (each.name == package) return each.version.bytes();
  }
  return std::nullopt;
}

std::vector<Address> Case::parties(NodeKind kind) const {
  std::vector<Address> objects;
  for (const auto edge : cycle) {
    const auto& node = graph.at(graph.edge(edge).from);
    if (node.id.kind == kind) objects.push_back(node.id.object);
  }
  return objects;
}

const snapshot::Thread* Case::waiting(snapshot::WaitKind kind) const {
  for (const auto state : parties(NodeKind::kThread)) {
    const auto* thread = facts.thread(state);
    if (thread != nullptr && thread->wait.kind == kind) return thread;
  }
  return nullptr;
}

const snapshot::WorkItem* Case::queued_item() const {
  for (const auto object : parties(NodeKind::kWorkItem)) {
    const auto* item = facts.item(object);
    if (item != nullptr && item->queued_at) return item;
  }
  return nullptr;
}

bool Case::through_loop_thread() const {
  return std::any_of(cycle.begin(), cycle.end(), [&](graph::EdgeIndex index) {
    const auto& edge = graph.edge(index);
    return graph.at(edge.from).id.kind == NodeKind::kEventLoop &&
           graph.at(edge.to).id.kind == NodeKind::kThread;
  });
}

std::optional<snapshot::Frame> user_frame(const snapshot::Thread& thread) {
  const auto& frames = thread.frames;
  if (frames.empty()) return std::nullopt;
  const auto first = std::min<std::size_t>(thread.wait.frame, frames.size() - 1);
  for (auto i = first; i < frames.size(); ++i) {
    if (frames[i]->origin == Origin::kUser) return frames[i];
  }
  return frames[first];
}

std::optional<snapshot::Frame> user_frame(const snapshot::Task& task) {
  std::optional<snapshot::Frame> nearest;
  for (auto link = task.chain.rbegin(); link != task.chain.rend(); ++link) {
    if (!link->frame) continue;
    if ((*link->frame)->origin == Origin::kUser) return link->frame;
    if (!nearest) nearest = link->frame;
  }
  return nearest;
}

std::optional<snapshot::Frame> holding_frame(const Facts& facts, const snapshot::Lock& lock) {
  if (lock.holder_is_task) {
    const auto* task = facts.task(lock.holder);
    if (task == nullptr || lock.holder_frame >= task->chain.size()) return std::nullopt;
    return task->chain[lock.holder_frame].frame;
  }
  const auto* thread = facts.thread(lock.holder);
  if (thread == nullptr || lock.holder_frame >= thread->frames.size()) return std::nullopt;
  return thread->frames[lock.holder_frame];
}

bool has_landmark(const snapshot::Thread& thread, std::string_view landmark) {
  return std::any_of(thread.frames.begin(), thread.frames.end(),
                     [&](const auto& frame) { return frame->landmark == landmark; });
}

bool has_landmark(const snapshot::Task& task, std::string_view landmark) {
  return std::any_of(task.chain.begin(), task.chain.end(), [&](const auto& link) {
    return link.frame && (*link.frame)->landmark == landmark;
  });
}

Phrase place_of(const snapshot::Frame& frame) {
  auto path = frame->file.bytes();
  auto slash = path.rfind('/');
  if (slash != std::string_view::npos && slash > 0) slash = path.rfind('/', slash - 1);
  if (slash != std::string_view::npos) path = path.substr(slash + 1);
  return Phrase(Text::of_target(std::string(path))) + (":" + std::to_string(frame->line));
}

Text bare_name(const Text& qualified) {
  const auto bytes = qualified.bytes();
  const auto dot = bytes.rfind('.');
  return Text::of_target(
      std::string(dot == std::string_view::npos ? bytes : bytes.substr(dot + 1)));
}

Phrase code_and_place(const snapshot::Frame& frame) {
  return Phrase(bare_name(frame->function)) + " (" + place_of(frame) + ")";
}

}  // namespace hangspy::diagnosis
