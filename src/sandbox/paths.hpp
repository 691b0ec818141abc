// Landlock: the files that may still be read, where the kernel has it (5.13).
//
// Only for cores. A process under Landlock may not look into one that is not (hook_ptrace_access_
// check, security/landlock/task.c), so a live worker could not be read any more.
#pragma once

#include <filesystem>
#include <vector>

#include "hangspy/result.hpp"

namespace hangspy::sandbox {

// From now on only what lies at or below `paths` can be opened, and only for reading. A path that
// is not there is passed over. Errors: kUnsupported without Landlock, kPermission.
[[nodiscard]] Result<void> limit_paths(const std::vector<std::filesystem::path>& paths);

}  // namespace hangspy::sandbox
