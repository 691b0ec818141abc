// The children of a process: a server's workers, when the pid given was its supervisor's.
#include <dirent.h>

#include <algorithm>
#include <memory>
#include <string>

#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {
namespace {

constexpr std::size_t kMaxChildren = 100'000;

// Each thread lists the children that it made itself (proc(5); CONFIG_PROC_CHILDREN).
Result<std::vector<Tid>> listed_children(const ProcDir& process) {
  HANGSPY_TRY(tids, process.threads());
  std::vector<Tid> children;
  bool listed = false;
  for (const Tid tid : tids) {
    const auto text = process.read(of_thread(tid, "children"), 1 << 20);
    if (!text) continue;  // the thread has ended, or this kernel has no such file
    listed = true;
    std::string_view rest = *text;
    while (children.size() < kMaxChildren) {
      rest.remove_prefix(std::min(rest.find_first_not_of(" \n"), rest.size()));
      const auto child = parse_number(rest);
      if (!child) break;
      children.push_back(static_cast<Tid>(*child));
      rest.remove_prefix(std::min(rest.find(' '), rest.size()));
    }
  }
  if (!listed) return fail(Failure::kUnsupported, "this kernel lists no children");
  return children;
}

// Where it does not: everyone is asked for his parent.
Result<std::vector<Tid>> children_by_parent(Tid parent) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (proc == nullptr) return fail(Failure::kFile, "cannot list /proc");
  std::vector<Tid> children;
  while (const dirent* entry = ::readdir(proc.get())) {
    const auto pid = parse_number(entry->d_name);
    if (!pid || children.size() == kMaxChildren) continue;
    const auto process = ProcDir::open(static_cast<Tid>(*pid));
    if (!process) continue;
    const auto stat = process->stat();
    if (stat && stat->parent == parent) children.push_back(static_cast<Tid>(*pid));
  }
  return children;
}

}  // namespace

Result<std::vector<Tid>> children_of(Tid pid) {
  HANGSPY_TRY(process, ProcDir::open(pid));
  auto children = listed_children(process);
  if (!children && children.error().failure == Failure::kUnsupported) {
    children = children_by_parent(pid);
  }
  if (children) std::sort(children->begin(), children->end());
  return children;
}

}  // namespace hangspy::target
