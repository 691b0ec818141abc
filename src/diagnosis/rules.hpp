// The rules: each gives a cause its stable name, its advice, and its page in `hangspy explain`.
// The graph has proven the cause before any rule is asked; a rule only says what it is called.
#pragma once

#include "diagnosis/case.hpp"

namespace hangspy::diagnosis {

struct Rule {
  std::string_view name;
  bool (*matches)(const Case& found);
  Advice (*advise)(const Case& found);
  std::string_view summary;
  std::string_view page;
};

extern const Rule kThreadSensitiveExitOnLoop;
extern const Rule kLoopWaitsForItself;
extern const Rule kStackedCurrentThreadExecutor;
extern const Rule kThreadSensitiveNesting;
extern const Rule kEventBehindItsSetter;
extern const Rule kLockCycle;
extern const Rule kLockAcrossBridge;
extern const Rule kPoolExhaustion;
extern const Rule kTaskCycle;
extern const Rule kWaitCycle;         // any other cycle
extern const Rule kNobodyCanRelease;  // an orphan-wait
extern const Rule kBlockingCallOnLoop;

// In the order in which they are asked: the most special first. Every cycle has a rule.
[[nodiscard]] const Rule& rule_of_cycle(const Case& found);

// Compares dotted versions number by number: "3.8.1" is before "3.12".
[[nodiscard]] bool version_before(std::string_view version, std::string_view bound);

// Sentences that several rules say.
[[nodiscard]] Phrase thread_sensitive_false(const Case& found);
void note_async_orm(const Case& found, Advice& advice);
void note_gather(const Case& found, Advice& advice);

}  // namespace hangspy::diagnosis
