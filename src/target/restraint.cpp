// The tracer is named in status, a stop in the state, a freeze in no file of the process's own: its
// cgroup has to be looked up (Documentation/admin-guide/cgroup-v2.rst,
// cgroup-v1/freezer-subsystem).
#include "target/restraint.hpp"

#include <array>
#include <cstddef>
#include <fstream>
#include <iterator>

namespace hangspy::target {
namespace {

constexpr std::size_t kMaxFile = 4096;

// Small files that are not the process's own; empty when there is no such file.
std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxFile, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

// One line of /proc/PID/cgroup: "ID:CONTROLLERS:PATH". Where cgroups are mounted is a custom that
// all distributions keep; elsewhere, or in a container, nothing is known.
bool is_frozen_by(std::string_view line) {
  const auto first = line.find(':');
  const auto second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos) return false;
  const auto controllers = line.substr(first + 1, second - first - 1);
  const std::string path(line.substr(second + 1));
  if (path.find("..") != std::string::npos) return false;
  if (controllers == "freezer") {
    return says_frozen(text_of("/sys/fs/cgroup/freezer" + path + "/freezer.state"));
  }
  if (!controllers.empty()) return false;
  return says_frozen(text_of("/sys/fs/cgroup" + path + "/cgroup.events")) ||
         says_frozen(text_of("/sys/fs/cgroup/unified" + path + "/cgroup.events"));
}

bool is_frozen(std::string_view cgroups) {
  while (!cgroups.empty()) {
    const auto end = std::min(cgroups.find('\n'), cgroups.size());
    if (is_frozen_by(cgroups.substr(0, end))) return true;
    cgroups.remove_prefix(std::min(end + 1, cgroups.size()));
  }
  return false;
}

Text name_of(Tid tracer) {
  auto name = text_of("/proc/" + std::to_string(tracer) + "/comm");
  if (name.ends_with('\n')) name.pop_back();
  return Text::of_target(std::move(name));
}

}  // namespace

std::string halted_by_state(char state) {
  if (state == 'T') return "stopped by a signal (SIGSTOP)";
  return state == 't' ? "held by its tracer" : "";
}

bool says_frozen(std::string_view text) {
  return text.starts_with("FR") || text.find("frozen 1") != std::string_view::npos;
}

Result<Restraint> restraint_of(const ProcDir& process) {
  HANGSPY_TRY(tid, process.live_thread());
  HANGSPY_TRY(status, process.read(of_thread(tid, "status")));
  Restraint restraint;
  restraint.tracer = static_cast<Tid>(parse_number(status_field(status, "TracerPid")).value_or(0));
  if (restraint.tracer != 0) restraint.tracer_name = name_of(restraint.tracer);
  const auto state = status_field(status, "State");
  restraint.halted = halted_by_state(state.empty() ? '?' : state.front());
  if (!restraint.halted.empty()) return restraint;
  const auto cgroups = process.read("cgroup");
  if (cgroups && is_frozen(*cgroups)) restraint.halted = "frozen by its cgroup";
  return restraint;
}

}  // namespace hangspy::target
