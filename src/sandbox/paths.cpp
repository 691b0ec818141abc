#include "sandbox/paths.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

#include "elf/file.hpp"

namespace hangspy::sandbox {
namespace {

// All accesses that each version of the interface knows (linux/landlock.h): what a ruleset handles
// and no rule allows is denied.
std::uint64_t handled_by(long version) {
  constexpr std::array<int, 5> kAccesses{13, 14, 15, 15, 16};
  const auto index = std::clamp<long>(version, 1, kAccesses.size()) - 1;
  return (std::uint64_t{1} << kAccesses[static_cast<std::size_t>(index)]) - 1;
}

tl::unexpected<Error> refused(const char* what) {
  return fail(Failure::kPermission, std::string(what) + ": " + std::strerror(errno));
}

Result<void> allow_below(int ruleset, const std::filesystem::path& path) {
  const elf::Descriptor found(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct stat about{};
  if (!found || ::fstat(found.number(), &about) != 0) return {};
  landlock_path_beneath_attr rule{};
  rule.parent_fd = found.number();
  rule.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE;
  if (S_ISDIR(about.st_mode)) rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    return refused("landlock_add_rule");
  }
  return {};
}

}  // namespace

Result<void> limit_paths(const std::vector<std::filesystem::path>& paths) {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 1) return fail(Failure::kUnsupported, "this kernel has none");
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = handled_by(version);
  const elf::Descriptor ruleset(static_cast<int>(::syscall(
      SYS_landlock_create_ruleset, &attributes, sizeof(attributes.handled_access_fs), 0)));
  if (!ruleset) return refused("landlock_create_ruleset");
  for (const auto& path : paths) HANGSPY_CHECK(allow_below(ruleset.number(), path));
  if (::syscall(SYS_landlock_restrict_self, ruleset.number(), 0) != 0) {
    return refused("landlock_restrict_self");
  }
  return {};
}

}  // namespace hangspy::sandbox
