// The report: a diagnosis as a person or a program reads it. Pure functions; text of the target
// goes through the doors of text.hpp only.
#pragma once

#include <string>

#include "hangspy/account.hpp"
#include "hangspy/diagnosis.hpp"

namespace hangspy::report {

struct Options {
  bool ascii = false;  // no box drawing, no characters beyond ASCII
  bool colour = false;
  bool all = false;  // every thread and task, too
};

// At most 40 lines and 96 columns unless `all`. The same diagnosis is always the same text.
[[nodiscard]] std::string text(const snapshot::Snapshot& snapshot,
                               const diagnosis::Diagnosis& diagnosis,
                               const snapshot::Account& account, const Options& options);

// One JSON object, schema_version "1.0"; docs/json.md names its fields.
[[nodiscard]] std::string json(const snapshot::Snapshot& snapshot,
                               const diagnosis::Diagnosis& diagnosis,
                               const snapshot::Account& account, const Options& options);

}  // namespace hangspy::report
