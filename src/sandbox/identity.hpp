// Who hangspy is: its user, its groups, and the one capability that it may keep.
//
// The kernel keeps all three for each thread. So what an identity could still reach is tried out
// in a thread that becomes it and ends; only then does the process itself take the step, which has
// no way back.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hangspy/result.hpp"

namespace hangspy::sandbox {

struct User {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary
};

// The user that /proc/PID/status names. Errors: kPermission when its real, effective and saved ids
// differ (a program that changes its user is not one to become), kFile.
[[nodiscard]] Result<User> user_of_status(std::string_view status);

struct Identity {
  std::optional<User> user;       // absent: stays who it is
  std::vector<int> capabilities;  // the only ones kept
};

// "uid 1000, no capability"
[[nodiscard]] std::string to_words(const Identity& identity);

// Whether this process may take on other identities, or has a capability to give up.
[[nodiscard]] bool is_privileged();

// What can be reached, one answer for each thing tried.
using Reach = std::vector<bool>;

// What `look` finds from within `identity`. Errors: kPermission when it cannot be taken on.
[[nodiscard]] Result<Reach> reach_as(const Identity& identity, const std::function<Reach()>& look);

// Takes it on, for good. Errors: kPermission.
[[nodiscard]] Result<void> become(const Identity& identity);

}  // namespace hangspy::sandbox
