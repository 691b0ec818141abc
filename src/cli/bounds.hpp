// The bounds of hangspy itself, --timeout and --max-memory, where nobody asks them: an allocation
// that is refused, wherever it is made, and a loop that only computes. Both end the process at
// once, with the little that is left to say; the kernel lets go of whatever a tracing thread held.
#pragma once

#include <functional>
#include <string>

#include "cli/command.hpp"

namespace hangspy::cli {

// From now on an allocation beyond the bound calls `give_up` with the bound's words. It must not
// return. Without a bound in the command, and in a build with sanitizers, nothing is set.
void limit_memory(const Command& command, std::function<void(const std::string&)> give_up);

// "2048 MB of memory (--max-memory)", "30 s (--timeout)"
[[nodiscard]] std::string memory_bound(const Command& command);
[[nodiscard]] std::string time_bound(const Command& command);

// Ends hangspy from any thread, with what watches over it; nothing is unwound.
[[noreturn]] void end_at_once(int exit_code);

}  // namespace hangspy::cli
