// Why the kernel said no, and what would make it say yes.
//
// "Operation not permitted" has six causes with six different remedies (ptrace(2), "Ptrace access
// mode checking"). The facts are read first, judged by a pure function second.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "hangspy/result.hpp"
#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {

struct PermissionFacts {
  Tid pid = 0;
  std::uint64_t our_uid = 0;           // effective
  std::uint64_t their_uid = 0;         // real
  bool uids_differ = false;            // any of their three from ours
  bool can_trace = false;              // CAP_SYS_PTRACE in effect here
  bool has_more_capabilities = false;  // they are permitted one that we are not
  bool is_dumpable = true;
  std::optional<int> yama_scope;  // absent without Yama
  Tid tracer = 0;                 // who traces it already; 0 for nobody
  bool in_container = false;      // in a pid namespace below ours
};

enum class Access { kRead, kStop };

// One sentence that names what is missing, and one line of advice.
[[nodiscard]] Error explain_refusal(const PermissionFacts& facts, Access wanted);

// Reads the facts of `process` (all of them are open to everyone) and explains why its thread `tid`
// was refused: a tracer may have one thread only.
[[nodiscard]] Error explain_refusal(const ProcDir& process, Access wanted, Tid tid);
[[nodiscard]] inline Error explain_refusal(const ProcDir& process, Access wanted) {
  return explain_refusal(process, wanted, process.pid());
}

// The facts that /proc/PID/status of theirs and of ours tell.
[[nodiscard]] PermissionFacts facts_of_status(std::string_view theirs, std::string_view ours);

}  // namespace hangspy::target
