// What must hold of everything that hangspy prints, whatever was read.
#pragma once

#include <string>
#include <string_view>

#include "hangspy/report.hpp"

namespace hangspy::fuzz {

// Ends the program, saying what is wrong, unless `holds`; libFuzzer keeps the input.
void require(bool holds, std::string_view what);

// One or more lines for a terminal: valid UTF-8 without a control byte, and without a mark that
// turns or hides text.
void require_harmless(std::string_view text);

// Every format of a report: harmless, on one screen, valid JSON; and the snapshot's own JSON, which
// reads back unchanged. `at_length` also those with every thread and task.
void require_reports(const snapshot::Snapshot& snapshot, const diagnosis::Diagnosis& diagnosis,
                     bool at_length);

}  // namespace hangspy::fuzz
