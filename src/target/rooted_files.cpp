// openat2 with RESOLVE_IN_ROOT, and a careful walk where the kernel has none.
#include "target/rooted_files.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace hangspy::target {
namespace {

// A worker maps a few hundred files; each held one takes a descriptor of the usual 1,024.
constexpr std::size_t kMaxHeld = 512;

tl::unexpected<Error> cannot_open(const std::string& name, int reason) {
  const bool denied = reason == EACCES || reason == EPERM;
  return fail(denied ? Failure::kPermission : Failure::kFile,
              "cannot open " + name + ": " + std::strerror(reason));
}

// For kernels without openat2: one name after the other, and no link followed.
elf::Descriptor walk(int root, const std::string& path) {
  elf::Descriptor at(::openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::filesystem::path names = std::filesystem::path(path).relative_path();
  for (const std::filesystem::path& name : names) {
    if (name == "..") {
      errno = ELOOP;
      return {};
    }
    if (!at || name.empty()) break;
    at = elf::Descriptor(::openat(at.number(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  }
  return at;
}

}  // namespace

Result<elf::Descriptor> RootedFiles::open_below_root(const std::string& path) const {
  if (!root_directory_) {
    root_directory_ = elf::Descriptor(::open(root_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!root_directory_) return cannot_open(root_.native(), errno);
  }
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  elf::Descriptor found(static_cast<int>(
      ::syscall(SYS_openat2, root_directory_.number(), path.c_str(), &how, sizeof(how))));
  if (!found && (errno == ENOSYS || errno == EPERM)) found = walk(root_directory_.number(), path);
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
