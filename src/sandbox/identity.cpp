// Raw system calls for the ids: those of the C library change every thread of the process.
#include "sandbox/identity.hpp"

#include <cap-ng.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <thread>

#include "target/proc_dir.hpp"

namespace hangspy::sandbox {
namespace {

constexpr std::size_t kMaxGroups = 65'536;  // NGROUPS_MAX

tl::unexpected<Error> refused(const char* what) {
  return fail(Failure::kPermission, std::string(what) + ": " + std::strerror(errno));
}

std::vector<std::uint64_t> numbers_in(std::string_view line) {
  std::vector<std::uint64_t> numbers;
  for (;;) {
    const std::size_t begin = line.find_first_of("0123456789");
    if (begin == std::string_view::npos || numbers.size() == kMaxGroups) return numbers;
    line.remove_prefix(begin);
    numbers.push_back(target::parse_number(line).value_or(0));
    line.remove_prefix(std::min(line.find_first_not_of("0123456789"), line.size()));
  }
}

// The id that is real, effective, saved and the file system's.
Result<std::uint64_t> only_id(std::string_view status, std::string_view key) {
  const auto ids = numbers_in(target::status_field(status, key));
  if (ids.size() != 4) return fail(Failure::kFile, "a status file without ids");
  for (const auto id : ids) {
    if (id != ids[0]) return fail(Failure::kPermission, "it runs under several ids");
  }
  return ids[0];
}

Result<void> take_ids(const User& user) {
  if (::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) != 0) {
    return refused("setgroups");
  }
  if (::syscall(SYS_setresgid, user.gid, user.gid, user.gid) != 0) return refused("setresgid");
  // Or the kernel takes the capability away with uid 0 (capabilities(7)).
  if (::prctl(PR_SET_KEEPCAPS, 1L, 0L, 0L, 0L) != 0) return refused("PR_SET_KEEPCAPS");
  if (::syscall(SYS_setresuid, user.uid, user.uid, user.uid) != 0) return refused("setresuid");
  return {};
}

// The bounding set first: it takes a capability that goes away with the others.
Result<void> take_on(const Identity& identity) {
  capng_get_caps_process();
  if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0) {
    capng_clear(CAPNG_SELECT_BOUNDS);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0) return refused("the bounding set");
  }
  if (identity.user) HANGSPY_CHECK(take_ids(*identity.user));
  capng_clear(CAPNG_SELECT_CAPS);
  for (const int each : identity.capabilities) {
    capng_update(CAPNG_ADD, CAPNG_EFFECTIVE, static_cast<unsigned>(each));
    capng_update(CAPNG_ADD, CAPNG_PERMITTED, static_cast<unsigned>(each));
  }
  if (capng_apply(CAPNG_SELECT_CAPS) != 0) return refused("capset");
  return {};
}

}  // namespace

Result<User> user_of_status(std::string_view status) {
  HANGSPY_TRY(uid, only_id(status, "Uid"));
  HANGSPY_TRY(gid, only_id(status, "Gid"));
  User user{static_cast<uid_t>(uid), static_cast<gid_t>(gid), {}};
  for (const auto group : numbers_in(target::status_field(status, "Groups"))) {
    user.groups.push_back(static_cast<gid_t>(group));
  }
  return user;
}

std::string to_words(const Identity& identity) {
  const uid_t uid = identity.user ? identity.user->uid : ::geteuid();
  std::string words = "uid " + std::to_string(uid) + ", ";
  if (identity.capabilities.empty()) return words + "no capability";
  words += "of the capabilities only";
  for (const int each : identity.capabilities) {
    const char* name = capng_capability_to_name(static_cast<unsigned>(each));
    words += std::string(" ") + (name != nullptr ? name : std::to_string(each));
  }
  return words;
}

bool is_privileged() {
  capng_get_caps_process();
  return ::geteuid() == 0 || capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE;
}

Result<Reach> reach_as(const Identity& identity, const std::function<Reach()>& look) {
  Result<Reach> reach;
  const auto try_out = [&] {
    const auto taken = take_on(identity);
    if (taken) {
      reach = look();
    } else {
      reach = tl::unexpected(taken.error());
    }
  };
  try {
    std::thread(try_out).join();
  } catch (const std::system_error& error) {
    return fail(Failure::kLimit, std::string("cannot start a thread: ") + error.what());
  }
  return reach;
}

Result<void> become(const Identity& identity) {
  return take_on(identity);
}

}  // namespace hangspy::sandbox
