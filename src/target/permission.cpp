// Facts from two status files, the owner of /proc/PID/mem and the Yama setting; then the first
// reason that applies, in the order in which the kernel itself asks (__ptrace_may_access,
// security/yama/yama_lsm.c, cap_ptrace_access_check).
#include "target/permission.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <sstream>

namespace hangspy::target {
namespace {

constexpr std::uint64_t kSysPtrace = std::uint64_t{1} << 19;  // linux/capability.h

constexpr const char* kRunAsRoot = "run hangspy as root, or give it CAP_SYS_PTRACE";
constexpr const char* kAddCapability =
    "this container runs without CAP_SYS_PTRACE: start it with --cap-add=SYS_PTRACE, or run "
    "hangspy on the host";

std::uint64_t capabilities(std::string_view status, std::string_view key) {
  return parse_number(status_field(status, key), 16).value_or(0);
}

std::array<std::uint64_t, 3> user_ids(std::string_view status) {
  std::array<std::uint64_t, 3> ids{};
  std::string_view rest = status_field(status, "Uid");
  for (std::uint64_t& id : ids) {
    rest.remove_prefix(std::min(rest.find_first_of("0123456789"), rest.size()));
    id = parse_number(rest).value_or(0);
    rest.remove_prefix(std::min(rest.find_first_not_of("0123456789"), rest.size()));
  }
  return ids;
}

std::string own_status() {
  std::ifstream file("/proc/self/status");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::optional<int> yama_scope() {
  std::ifstream file("/proc/sys/kernel/yama/ptrace_scope");
  int scope = 0;
  if (file >> scope) return scope;
  return std::nullopt;
}

// The kernel gives the files of a process that is not dumpable to root (proc(5), PR_SET_DUMPABLE).
bool is_dumpable(const ProcDir& process, std::uint64_t their_uid) {
  struct stat about{};
  if (::fstatat(process.descriptor(), "mem", &about, 0) != 0) return true;
  return about.st_uid == their_uid;
}

std::string root_advice(const PermissionFacts& facts) {
  return facts.our_uid == 0 ? kAddCapability : kRunAsRoot;
}

Error refused(const PermissionFacts& facts, Access wanted, const std::string& why,
              std::string next_step) {
  const char* what = wanted == Access::kRead ? "may not read process " : "may not stop process ";
  if (facts.in_container) {
    next_step +=
        "; the process is in a container: root inside it needs CAP_SYS_PTRACE, root on "
        "the host has it";
  }
  return {Failure::kPermission, what + std::to_string(facts.pid) + ": " + why,
          std::move(next_step)};
}

}  // namespace

PermissionFacts facts_of_status(std::string_view theirs, std::string_view ours) {
  PermissionFacts facts;
  const auto their_ids = user_ids(theirs);
  facts.our_uid = user_ids(ours)[1];
  facts.their_uid = their_ids[0];
  facts.uids_differ =
      std::ranges::any_of(their_ids, [&](std::uint64_t id) { return id != facts.our_uid; });
  facts.can_trace = (capabilities(ours, "CapEff") & kSysPtrace) != 0;
  facts.has_more_capabilities =
      (capabilities(theirs, "CapPrm") & ~capabilities(ours, "CapPrm")) != 0;
  facts.tracer = static_cast<Tid>(parse_number(status_field(theirs, "TracerPid")).value_or(0));
  facts.in_container = status_field(theirs, "NSpid").find_first_of(" \t") != std::string_view::npos;
  return facts;
}

Error explain_refusal(const PermissionFacts& facts, Access wanted) {
  if (wanted == Access::kStop && facts.tracer != 0) {
    return refused(facts, wanted,
                   "process " + std::to_string(facts.tracer) + " traces it already (TracerPid)",
                   "end that debugger or tracer, or run hangspy with --pause never");
  }
  if (facts.yama_scope == 3) {
    return refused(facts, wanted, "kernel.yama.ptrace_scope is 3, which forbids it to everyone",
                   "take a core and run hangspy core; only a reboot lowers ptrace_scope again");
  }
  if (facts.can_trace) {
    return refused(facts, wanted,
                   "CAP_SYS_PTRACE does not suffice here: its user namespace, or a security module "
                   "(SELinux, AppArmor, seccomp), forbids it",
                   "run hangspy as root on the host, outside any container");
  }
  if (facts.uids_differ) {
    return refused(
        facts, wanted,
        "it runs as uid " + std::to_string(facts.their_uid) + ", hangspy as uid " +
            std::to_string(facts.our_uid) + " without CAP_SYS_PTRACE",
        facts.our_uid == 0 ? kAddCapability : "run hangspy as the same user, or as root with sudo");
  }
  if (!facts.is_dumpable) {
    return refused(facts, wanted,
                   "it is not dumpable (PR_SET_DUMPABLE), so its own user may not look into it",
                   root_advice(facts));
  }
  if (facts.has_more_capabilities) {
    return refused(facts, wanted, "it has capabilities that hangspy has not", root_advice(facts));
  }
  if (facts.yama_scope.value_or(0) > 0) {
    const std::string scope = std::to_string(*facts.yama_scope);
    return refused(facts, wanted,
                   "kernel.yama.ptrace_scope is " + scope + " and hangspy has no CAP_SYS_PTRACE",
                   root_advice(facts) +
                       (*facts.yama_scope == 1 ? ", or: sysctl kernel.yama.ptrace_scope=0" : ""));
  }
  return refused(facts, wanted,
                 "the kernel refuses, though uid, capabilities and Yama allow it: another user "
                 "namespace, or a security module (SELinux, AppArmor, seccomp)",
                 root_advice(facts));
}

Error explain_refusal(const ProcDir& process, Access wanted, Tid tid) {
  auto theirs = process.read(of_thread(tid, "status"));
  if (!theirs) return std::move(theirs.error());
  PermissionFacts facts = facts_of_status(*theirs, own_status());
  facts.pid = process.pid();
  facts.yama_scope = yama_scope();
  facts.is_dumpable = is_dumpable(process, facts.their_uid);
  return explain_refusal(facts, wanted);
}

}  // namespace hangspy::target
