// What is known of a worker that does not lie still: where it moves, and what bytes of several
// moments are good for.
#pragma once

#include <cstddef>
#include <vector>

#include "hangspy/diagnosis.hpp"
#include "hangspy/result.hpp"

namespace hangspy::session {

// Of pages seen again and again, at most so many: those seen most often.
[[nodiscard]] std::vector<Address> hottest(std::vector<Address> seen, std::size_t most);

// Whether the verdict may stand on bytes that were not copied in the stop but are the same before
// and after it: what waits for ever is the same for ever, so it cannot be missed for them. A
// finding must not, for they may have changed, and changed back; nor is what could not be read of
// them a reason to look no further.
[[nodiscard]] bool may_stand_on_borrowed(const diagnosis::Diagnosis& diagnosis);

// Of bytes of several moments, what makes no sense says nothing.
[[nodiscard]] bool may_be_torn(Failure failure);

}  // namespace hangspy::session
