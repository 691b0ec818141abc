// Which rule a cycle belongs to, and what several rules say alike.
#include "diagnosis/rules.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace hangspy::diagnosis {
namespace {

std::vector<int> numbers(std::string_view version) {
  std::vector<int> parts;
  while (!version.empty() && parts.size() < 4) {
    int part = 0;
    const auto end = version.data() + version.size();
    const auto read = std::from_chars(version.data(), end, part);
    if (read.ec != std::errc{}) break;
    parts.push_back(part);
    version.remove_prefix(static_cast<std::size_t>(read.ptr - version.data()));
    if (!version.starts_with('.')) break;
    version.remove_prefix(1);
  }
  return parts;
}

constexpr std::array kCycleRules = {
    &kThreadSensitiveExitOnLoop,
    &kLoopWaitsForItself,
    &kEventBehindItsSetter,
    &kLockCycle,
    &kLockAcrossBridge,
    &kStackedCurrentThreadExecutor,
    &kThreadSensitiveNesting,
    &kPoolExhaustion,
    &kTaskCycle,
    &kWaitCycle,
};

}  // namespace

const Rule& rule_of_cycle(const Case& found) {
  const auto rule = std::find_if(kCycleRules.begin(), kCycleRules.end(),
                                 [&](const Rule* each) { return each->matches(found); });
  return rule == kCycleRules.end() ? kWaitCycle : **rule;
}

const std::vector<RulePage>& rule_pages() {
  static const auto pages = [] {
    std::vector<RulePage> all;
    all.reserve(kCycleRules.size() + 2);
    for (const auto* rule : kCycleRules) all.push_back({rule->name, rule->summary, rule->page});
    for (const auto* rule : {&kNobodyCanRelease, &kBlockingCallOnLoop}) {
      all.push_back({rule->name, rule->summary, rule->page});
    }
    return all;
  }();
  return pages;
}

bool version_before(std::string_view version, std::string_view bound) {
  return numbers(version) < numbers(bound);
}

// The call in the user's code whose work item is queued: where its task waits.
Phrase thread_sensitive_false(const Case& found) {
  const auto* item = found.queued_item();
  if (item == nullptr) return {};
  return Phrase("wrap ") + item->function + " with thread_sensitive=False";
}

void note_async_orm(const Case& found, Advice& advice) {
  const auto* item = found.queued_item();
  if (item == nullptr || !item->place) return;
  const auto file = (*item->place)->file.bytes();
  if (file.find("/django/db/models/") == std::string_view::npos) return;
  advice.notes.emplace_back(
      "Django's asynchronous ORM methods (aget, acreate, acount ...) are sync_to_async inside; "
      "they queue on the same thread and do not avoid this");
}

void note_gather(const Case& found, Advice& advice) {
  if (!found.has(graph::NodeKind::kTask)) return;
  advice.notes.emplace_back(
      "asyncio.gather instead of create_task does not help: it makes tasks, too");
}

}  // namespace hangspy::diagnosis
