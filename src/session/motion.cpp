#include "session/motion.hpp"

#include <algorithm>
#include <map>

namespace hangspy::session {

std::vector<Address> hottest(std::vector<Address> seen, std::size_t most) {
  std::sort(seen.begin(), seen.end());
  std::map<std::ptrdiff_t, std::vector<Address>, std::greater<>> by_times;
  for (auto first = seen.begin(); first != seen.end();) {
    const auto next = std::upper_bound(first, seen.end(), *first);
    by_times[next - first].push_back(*first);
    first = next;
  }
  std::vector<Address> hot;
  for (const auto& [times, pages] : by_times) hot.insert(hot.end(), pages.begin(), pages.end());
  if (hot.size() > most) hot.resize(most);
  return hot;
}

bool may_stand_on_borrowed(const diagnosis::Diagnosis& diagnosis) {
  return diagnosis.verdict == diagnosis::Verdict::kHealthy ||
         diagnosis.verdict == diagnosis::Verdict::kSlow;
}

bool may_be_torn(Failure failure) {
  return failure == Failure::kImplausible || failure == Failure::kUnmapped ||
         failure == Failure::kLimit;
}

}  // namespace hangspy::session
