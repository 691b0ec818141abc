// A walk along pointers of the target, which may lead round in a circle: memory may be damaged, or
// read while it changes. Found out by Brent's method, in memory for one address.
#pragma once

#include <cstdint>

#include "hangspy/result.hpp"

namespace hangspy::python {

class Walk {
 public:
  // Whether this step is at an address where the walk was before. Of a circle of n steps, entered
  // after m, it is known after at most 3 * max(m, n) steps.
  [[nodiscard]] bool comes_round(Address at) {
    if (steps_ != 0 && at == remembered_) return true;
    if (++steps_ != turn_) return false;
    remembered_ = at;
    turn_ *= 2;
    return false;
  }

 private:
  Address remembered_;
  std::uint64_t steps_ = 0;
  std::uint64_t turn_ = 1;
};

}  // namespace hangspy::python
