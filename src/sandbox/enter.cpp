// The order: who hangspy is (while it still may choose), what no child or tracer may get from it,
// which files, and last which system calls, because the filter also ends all that came before.
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "hangspy/sandbox.hpp"
#include "sandbox/calls.hpp"
#include "sandbox/guard.hpp"
#include "sandbox/identity.hpp"
#include "sandbox/paths.hpp"
#include "target/proc_dir.hpp"
#include "target/proc_maps.hpp"

namespace hangspy::sandbox {
namespace {

using Measures = std::vector<Measure>;

bool can_open(int directory, const std::string& name) {
  return static_cast<bool>(
      elf::Descriptor(::openat(directory, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)));
}

// Files that were replaced while the process runs, as an upgrade does with libpython: only the
// links of map_files lead to them, and those take a capability of their own.
std::vector<std::string> deleted_files(const target::ProcDir& process, target::Tid thread) {
  std::vector<std::string> names;
  const auto text = process.read(target::of_thread(thread, "maps"), target::kMaxMapsText);
  if (!text) return names;
  for (const auto& each : target::parse_maps(*text).value_or(std::vector<target::Mapping>{})) {
    const auto path = each.path.bytes();
    if (!each.executable || !path.starts_with('/') || !path.ends_with(" (deleted)")) continue;
    names.push_back("map_files/" + to_hex(each.begin).substr(2) + "-" + to_hex(each.end).substr(2));
  }
  return names;
}

// What a reading will ask of the process. Address 0 is mapped nowhere, and the kernel looks at the
// permission before it looks at the address.
Reach reach_of(const target::ProcDir& process, target::Tid thread) {
  char byte = 0;
  const iovec local{&byte, 1};
  const iovec remote{nullptr, 1};
  const bool may_copy =
      ::process_vm_readv(thread, &local, 1, &remote, 1, 0) >= 0 || errno == EFAULT;
  Reach reach{may_copy};
  for (const char* name : {"mem", "maps", "syscall", "pagemap"}) {
    reach.push_back(can_open(process.descriptor(), target::of_thread(thread, name)));
  }
  for (const char* name : {"exe", "root"}) reach.push_back(can_open(process.descriptor(), name));
  for (const auto& name : deleted_files(process, thread)) {
    reach.push_back(can_open(process.descriptor(), name));
  }
  return reach;
}

Reach reach_of_files(const std::vector<std::filesystem::path>& files) {
  Reach reach;
  for (const auto& each : files) reach.push_back(can_open(AT_FDCWD, each));
  return reach;
}

// The first of the identities from which everything is in reach that is so now; else the last.
Measure choose(const std::vector<Identity>& identities, const std::function<Reach()>& look) {
  if (!is_privileged()) return {true, to_words({}) + ", as it was started"};
  const Reach wanted = look();
  std::string passed_over;
  for (const Identity& each : identities) {
    const bool is_last = &each == &identities.back();
    const auto reached = reach_as(each, look);
    if (!is_last && (!reached || *reached != wanted)) {
      passed_over += "; not " + to_words(each) + ": " +
                     (reached ? "it could not read all that it must" : reached.error().what);
      continue;
    }
    const auto became = become(each);
    if (became) return {true, to_words(each) + passed_over};
    return {false, "stays as it was started: " + became.error().what + passed_over};
  }
  return {false, "stays as it was started"};
}

bool has_capabilities(std::string_view status) {
  return target::parse_number(target::status_field(status, "CapPrm"), 16).value_or(1) != 0;
}

Measure take_identity(const target::ProcDir& process, target::Tid thread) {
  std::vector<Identity> identities;
  const auto status = process.read("status");
  const auto user = status ? user_of_status(*status) : Result<User>();
  if (status && user) {
    if (!has_capabilities(*status)) identities.push_back({*user, {}});
    identities.push_back({*user, {CAP_SYS_PTRACE}});
  }
  identities.push_back({std::nullopt, {CAP_SYS_PTRACE}});
  if (user) identities.push_back({*user, {CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE}});
  identities.push_back({std::nullopt, {CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE}});
  identities.push_back({std::nullopt, {CAP_SYS_PTRACE}});
  return choose(identities, [&] { return reach_of(process, thread); });
}

// The owner of a core is as a rule the user that its process had. Root reads whatever file a core
// names; without root's other powers.
Measure take_identity(const std::vector<std::filesystem::path>& files) {
  std::vector<Identity> identities;
  struct stat about{};
  if (::stat(files.front().c_str(), &about) == 0 && about.st_uid != 0) {
    identities.push_back({User{about.st_uid, about.st_gid, {}}, {}});
  }
  identities.push_back({std::nullopt, {CAP_DAC_READ_SEARCH}});
  return choose(identities, [&] { return reach_of_files(files); });
}

Measure measure(const char* what, int outcome) {
  if (outcome == 0) return {true, what};
  return {false, std::string(what) + ": " + std::strerror(errno)};
}

template <class Value>
Measure measure(const char* what, const Result<Value>& outcome) {
  if (outcome) return {true, what};
  return {false, std::string(what) + ": " + outcome.error().what};
}

// What a reader had of the target must not lie about in a core of hangspy's own, nor be read out
// of it by others of the same user.
void keep_to_itself(Measures& measures) {
  const rlimit none{0, 0};
  measures.push_back(measure("no_new_privs", ::prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L)));
  measures.push_back(measure("no core of its own", ::setrlimit(RLIMIT_CORE, &none)));
  if (!kForSanitizers) {
    measures.push_back(measure("not dumpable", ::prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L)));
  } else {
    measures.push_back({false, "not dumpable: a build with sanitizers looks into itself"});
    ::prctl(PR_SET_DUMPABLE, 1L, 0L, 0L, 0L);
  }
}

Result<void> limit_calls_with_guard(const target::ProcDir& process,
                                    const std::vector<target::Tid>& readable) {
  if (kForSanitizers) return fail(Failure::kLimit, "a build with sanitizers traces itself");
  HANGSPY_TRY(socket, start_guard(process));
  HANGSPY_TRY(listener, limit_calls(readable, Seizing::kAsked, socket));
  return hand_over(std::move(listener));
}

// The filter is not lost where no guard can be had.
void limit_calls_to_live(const target::ProcDir& process, target::Tid thread, Measures& measures) {
  const std::vector readable{process.pid(), thread};
  const auto guarded = limit_calls_with_guard(process, readable);
  if (!guarded) end_guard();
  measures.push_back(measure("a guard: no thread of another process is seized", guarded));
  const auto limited = guarded ? Result<elf::Descriptor>() : limit_calls(readable, Seizing::kAny);
  measures.push_back(
      measure("system calls by seccomp: only those of reading and stopping, "
              "process_vm_readv on this process alone",
              limited));
}

}  // namespace

std::vector<Measure> enter_live(target::Tid pid) {
  const auto process = target::ProcDir::open(pid);
  if (!process) return {};  // nothing will be read
  const auto thread = process->live_thread().value_or(pid);
  Measures measures{take_identity(*process, thread)};
  keep_to_itself(measures);
  measures.push_back({false, "Landlock: with it no other process can be read"});
  limit_calls_to_live(*process, thread, measures);
  return measures;
}

std::vector<Measure> enter_core(const target::CoreOptions& core) {
  std::vector<std::filesystem::path> files{core.core};
  if (core.executable) files.push_back(*core.executable);
  if (core.sysroot) files.push_back(*core.sysroot);
  Measures measures{take_identity(files)};
  keep_to_itself(measures);
  if (!core.sysroot) files.emplace_back("/");
  measures.push_back(measure("files by Landlock: reading alone", limit_paths(files)));
  measures.push_back(measure("system calls by seccomp: only those of reading files",
                             limit_calls({}, Seizing::kNone)));
  return measures;
}

void leave() {
  end_guard();
}

}  // namespace hangspy::sandbox
