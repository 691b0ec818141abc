// A walk from name to name. openat2 with RESOLVE_IN_ROOT would do it in one call, but not in the
// sandbox: a seccomp filter cannot see whether it opens for writing.
#include "target/rooted_files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

namespace hangspy::target {
namespace {

// A worker maps a few hundred files; each held one takes a descriptor of the usual 1,024.
constexpr std::size_t kMaxHeld = 512;

tl::unexpected<Error> cannot_open(const std::string& name, int reason) {
  const bool denied = reason == EACCES || reason == EPERM;
  return fail(denied ? Failure::kPermission : Failure::kFile,
              "cannot open " + name + ": " + std::strerror(reason));
}

// The names of `path`, so that the first is the last of the list.
void put_names(std::string_view path, std::vector<std::string>& names) {
  std::vector<std::string> found;
  for (const auto& name : std::filesystem::path(path).relative_path()) {
    if (!name.empty() && name != ".") found.push_back(name);
  }
  names.insert(names.end(), found.rbegin(), found.rend());
}

bool is_link(const elf::Descriptor& found) {
  struct stat about{};
  return ::fstat(found.number(), &about) == 0 && S_ISLNK(about.st_mode);
}

std::string_view read_link(const elf::Descriptor& link, std::array<char, PATH_MAX>& buffer) {
  const ssize_t length = ::readlinkat(link.number(), "", buffer.data(), buffer.size());
  return {buffer.data(), length < 0 ? 0 : static_cast<std::size_t>(length)};
}

// One name after the other, as a process would walk whose root this is: links lead to what they
// name below the root, and ".." ends there.
elf::Descriptor walk(int root, const std::string& path) {
  constexpr int kMaxLinks = 40;  // the kernel's own limit
  std::vector<elf::Descriptor> way;
  way.emplace_back(::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  std::vector<std::string> names;
  std::array<char, PATH_MAX> link;
  put_names(path, names);
  for (int links = 0; !names.empty();) {
    const std::string name = std::move(names.back());
    names.pop_back();
    if (name == "..") {
      if (way.size() > 1) way.pop_back();
      continue;
    }
    elf::Descriptor next(
        ::openat(way.back().number(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return next;
    if (!is_link(next)) {
      way.push_back(std::move(next));
      continue;
    }
    if (++links > kMaxLinks) {
      errno = ELOOP;
      return {};
    }
    const std::string_view leads_to = read_link(next, link);
    if (leads_to.starts_with('/')) way.erase(way.begin() + 1, way.end());
    put_names(leads_to, names);
  }
  return std::move(way.back());
}

}  // namespace

Result<elf::Descriptor> RootedFiles::open_below_root(const std::string& path) const {
  if (!root_directory_) {
    root_directory_ = elf::Descriptor(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_directory_) return cannot_open(root_.native(), errno);
  }
  elf::Descriptor found = walk(root_directory_.number(), path);
  if (!found) return cannot_open(to_line(Text::of_target(path)), errno);
  return found;
}

Result<std::filesystem::path> RootedFiles::find(const Text& path) const {
  const std::string bytes(path.bytes());
  if (!bytes.starts_with('/') || bytes.size() >= PATH_MAX ||
      bytes.find('\0') != std::string::npos) {
    return fail(Failure::kFile, "no absolute path of a file: " + to_line(path));
  }
  if (const auto held = held_.find(bytes); held != held_.end()) {
    return "/proc/self/fd/" + std::to_string(held->second.descriptor());
  }
  HANGSPY_TRY(found, open_below_root(bytes));
  return keep(bytes, to_line(path), found);
}

Result<std::filesystem::path> RootedFiles::hold(const std::string& key,
                                                const std::filesystem::path& path) const {
  if (const auto held = held_.find(key); held != held_.end()) {
    return "/proc/self/fd/" + std::to_string(held->second.descriptor());
  }
  const elf::Descriptor found(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!found) return cannot_open(path.native(), errno);
  return keep(key, path.native(), found);
}

Result<std::filesystem::path> RootedFiles::keep(const std::string& key, std::string name,
                                                const elf::Descriptor& found) const {
  if (held_.size() >= kMaxHeld) {
    return fail(Failure::kLimit, "more than " + std::to_string(kMaxHeld) + " files of the target");
  }
  HANGSPY_TRY(file, elf::File::reopen(found, std::move(name)));
  const int number = held_.emplace(key, std::move(file)).first->second.descriptor();
  return "/proc/self/fd/" + std::to_string(number);
}

}  // namespace hangspy::target
