// What keeps a live process from running, or might: who traces it, and whether it is halted.
//
// A halted process looks as if it slept: its threads are in their system calls and do not run. What
// would be said of it, that it is idle or blocked, would be said of whoever halted it.
#pragma once

#include <string>
#include <string_view>

#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {

// Errors: kGone, kPermission, kFile.
[[nodiscard]] Result<Restraint> restraint_of(const ProcDir& process);

// The sentence for the state of /proc/PID/stat; empty when it does not halt.
[[nodiscard]] std::string halted_by_state(char state);

// Whether the file of a cgroup says that it is frozen: `cgroup.events` of version 2 ("frozen 1"),
// `freezer.state` of version 1 ("FROZEN" or "FREEZING").
[[nodiscard]] bool says_frozen(std::string_view text);

}  // namespace hangspy::target
