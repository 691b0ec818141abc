#include "report/node_facts.hpp"

namespace hangspy::report {

using graph::NodeKind;

std::optional<snapshot::Frame> NodeFacts::place(const graph::NodeId& id) const {
  if (id.kind == NodeKind::kThread) {
    const auto* thread = facts_.thread(id.object);
    return thread != nullptr ? diagnosis::user_frame(*thread) : std::nullopt;
  }
  if (id.kind == NodeKind::kTask) {
    const auto* task = facts_.task(id.object);
    return task != nullptr ? diagnosis::user_frame(*task) : std::nullopt;
  }
  if (id.kind == NodeKind::kWorkItem) {
    const auto* item = facts_.item(id.object);
    return item != nullptr ? item->place : std::nullopt;
  }
  if (id.kind == NodeKind::kHandle) {
    const auto* handle = facts_.handle(id.object);
    return handle != nullptr ? handle->coroutine_frame : std::nullopt;
  }
  return std::nullopt;
}

std::optional<Text> NodeFacts::name(const graph::NodeId& id) const {
  if (const auto* thread = id.kind == NodeKind::kThread ? facts_.thread(id.object) : nullptr) {
    return thread->name;
  }
  if (const auto* task = id.kind == NodeKind::kTask ? facts_.task(id.object) : nullptr) {
    return task->name;
  }
  return std::nullopt;
}

Aliases aliases_of(const diagnosis::Diagnosis& diagnosis) {
  Aliases aliases;
  for (const auto& each : diagnosis.participants) aliases.emplace(each.node, each.alias);
  return aliases;
}

}  // namespace hangspy::report
