#include "report/everything.hpp"

#include <string_view>

#include "report/node_facts.hpp"

namespace hangspy::report {
namespace {

using snapshot::WaitKind;

std::string_view wait_words(WaitKind kind) {
  switch (kind) {
    case WaitKind::kNone:
      return "runs, or may run";
    case WaitKind::kOutside:
      return "in a system call";
    case WaitKind::kSelector:
      return "in its event loop's selector";
    case WaitKind::kIdleWorker:
      return "idle, waits for work";
    case WaitKind::kLock:
      return "waits for a lock";
    case WaitKind::kCondition:
      return "waits for a condition";
    case WaitKind::kEvent:
      return "waits for an event";
    case WaitKind::kQueue:
      return "waits for a queue";
    case WaitKind::kFutureResult:
      return "waits for a future's result";
    case WaitKind::kServeUntil:
      return "in async_to_sync, serves its executor";
    case WaitKind::kJoin:
      return "waits for a thread's end";
    case WaitKind::kNativeFutex:
      return "waits for a lock of native code";
  }
  return "";
}

std::string frame_line(const snapshot::Frame& frame, const LineStyle& style) {
  return "    " + to_line(frame->file, style) + ":" + std::to_string(frame->line) + "  " +
         to_line(frame->function, style) + "\n";
}

std::string thread_block(const snapshot::Thread& thread, const LineStyle& style) {
  auto words = "\nthread \"" + to_line(thread.name, style) + "\" (tid " +
               std::to_string(thread.tid) + "): " + std::string(wait_words(thread.wait.kind));
  if (thread.wait.object) words += " " + to_hex(thread.wait.object);
  if (thread.wait.timed) words += ", with a timeout";
  if (thread.moves) words += ", moves";
  words += "\n";
  for (const auto& frame : thread.frames) words += frame_line(frame, style);
  return words;
}

std::string task_block(const snapshot::Task& task, const LineStyle& style) {
  auto words = "\ntask \"" + to_line(task.name, style) + "\" " + to_hex(task.object);
  if (task.running) words += ", runs";
  if (task.moves) words += ", moves";
  if (task.waits_for) words += ", waits for " + to_hex(task.waits_for);
  if (task.is_request) words += ", serves a request";
  words += "\n";
  for (const auto& link : task.chain) {
    words += link.frame ? frame_line(*link.frame, style)
                        : "    " + to_line(link.type, style) + " " + to_hex(link.object) + "\n";
  }
  return words;
}

std::string parked_block(const snapshot::Snapshot& snapshot, const diagnosis::Diagnosis& diagnosis,
                         const LineStyle& style) {
  if (diagnosis.parked.empty()) return {};
  const NodeFacts facts(snapshot);
  std::string words = "\nparked: stuck, but nobody is owed an answer, so no finding\n";
  for (const auto index : diagnosis.parked) {
    const auto& id = diagnosis.graph.at(index).id;
    words += "    " + std::string(graph::name_of(id.kind));
    if (const auto name = facts.name(id)) words += " \"" + to_line(*name, style) + "\"";
    words += " " + to_hex(id.object) + "\n";
  }
  return words;
}

}  // namespace

std::string everything(const snapshot::Snapshot& snapshot, const diagnosis::Diagnosis& diagnosis,
                       const LineStyle& style) {
  std::string all;
  for (const auto& thread : snapshot.threads) all += thread_block(thread, style);
  for (const auto& task : snapshot.tasks) {
    if (task.state == snapshot::FutureState::kPending) all += task_block(task, style);
  }
  return all + parked_block(snapshot, diagnosis, style);
}

}  // namespace hangspy::report
