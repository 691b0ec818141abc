// Reads /proc/PID through one open directory, in bounded reads.
#include "target/proc_dir.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

namespace hangspy::target {
namespace {

Failure kind_of(int reason) {
  if (reason == ESRCH || reason == ENOENT) return Failure::kGone;
  if (reason == EPERM || reason == EACCES) return Failure::kPermission;
  return Failure::kFile;
}

tl::unexpected<Error> cannot_read(Tid pid, const std::string& name, int reason) {
  return fail(kind_of(reason), "cannot read /proc/" + std::to_string(pid) + "/" + name + ": " +
                                   std::strerror(reason));
}

}  // namespace

Result<std::uint64_t> parse_number(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data()) {
    return fail(Failure::kFile, "a number of /proc is none");
  }
  return value;
}

Result<Stat> parse_stat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  if (name_end == std::string_view::npos) return fail(Failure::kFile, "a stat file without a name");
  // What follows, counted from 0: state, parent, ..., and at 19 the start time (proc(5)).
  std::vector<std::string_view> fields;
  std::string_view rest = text.substr(name_end + 1);
  while (fields.size() < 20) {
    const std::size_t begin = rest.find_first_not_of(" \n");
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(rest.find_first_of(" \n", begin), rest.size());
    fields.push_back(rest.substr(begin, end - begin));
    rest = rest.substr(end);
  }
  if (fields.size() < 20) return fail(Failure::kFile, "a stat file that ends early");
  HANGSPY_TRY(parent, parse_number(fields[1]));
  HANGSPY_TRY(start_time, parse_number(fields[19]));
  return Stat{fields[0].front(), static_cast<Tid>(parent), start_time};
}

std::string_view status_field(std::string_view status, std::string_view key) {
  while (!status.empty()) {
    const std::size_t end = std::min(status.find('\n'), status.size());
    std::string_view line = status.substr(0, end);
    status.remove_prefix(std::min(end + 1, status.size()));
    if (!line.starts_with(key) || line.size() <= key.size() || line[key.size()] != ':') continue;
    line.remove_prefix(key.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line;
  }
  return {};
}

std::string of_thread(Tid tid, std::string_view name) {
  return "task/" + std::to_string(tid) + "/" + std::string(name);
}

ProcDir::ProcDir(Tid pid, elf::Descriptor directory)
    : pid_(pid), directory_(std::move(directory)) {}

Result<ProcDir> ProcDir::open(Tid pid) {
  const std::string path = "/proc/" + std::to_string(pid);
  elf::Descriptor directory(pid <= 0 ? -1
                                     : ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail(Failure::kNoProcess, "no process " + std::to_string(pid));
  return ProcDir(pid, std::move(directory));
}

Result<std::string> ProcDir::read(const std::string& name, std::size_t limit) const {
  const elf::Descriptor file(::openat(descriptor(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return cannot_read(pid_, name, errno);
  std::string text;
  // /proc gives at most a page or so a call; what it gives grows with the process.
  std::array<char, std::size_t{16} * 1024> block;
  for (;;) {
    const ssize_t count = ::read(file.number(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return cannot_read(pid_, name, errno);
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > limit) {
      return fail(Failure::kLimit, "/proc/" + std::to_string(pid_) + "/" + name +
                                       " is longer than " + std::to_string(limit) + " bytes");
    }
    text.append(block.data(), static_cast<std::size_t>(count));
  }
}

Result<Stat> ProcDir::stat() const {
  HANGSPY_TRY(text, read("stat"));
  return parse_stat(text);
}

Result<std::vector<Tid>> ProcDir::threads() const {
  const int listing = ::openat(descriptor(), "task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (listing < 0) return cannot_read(pid_, "task", errno);
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(listing), ::closedir);
  if (directory == nullptr) return cannot_read(pid_, "task", errno);
  std::vector<Tid> tids;
  for (errno = 0; const dirent* entry = ::readdir(directory.get()); errno = 0) {
    const auto tid = parse_number(entry->d_name);
    if (!tid) continue;  // "." and ".."
    if (tids.size() == kMaxThreads) {
      return fail(Failure::kLimit, "process " + std::to_string(pid_) + " has too many threads");
    }
    tids.push_back(static_cast<Tid>(*tid));
  }
  if (errno != 0) return cannot_read(pid_, "task", errno);
  if (tids.empty()) return cannot_read(pid_, "task", ESRCH);
  std::sort(tids.begin(), tids.end());
  return tids;
}

Result<Tid> ProcDir::live_thread() const {
  HANGSPY_TRY(tids, threads());
  const auto main = std::find(tids.begin(), tids.end(), pid_);
  if (main != tids.end()) std::rotate(tids.begin(), main, main + 1);
  for (const Tid tid : tids) {
    const auto text = read(of_thread(tid, "stat"));
    if (!text) continue;
    HANGSPY_TRY(stat, parse_stat(*text));
    if (!stat.ended()) return tid;
  }
  return fail(Failure::kGone, "process " + std::to_string(pid_) + " has ended",
              "its parent has not collected it yet (zombie)");
}

}  // namespace hangspy::target
