// What both directions must agree on besides the fields and the words.
#pragma once

#include <array>
#include <limits>
#include <string_view>
#include <utility>

namespace hangspy::snapshot {

// JSON has no such numbers, and a timer's time is whatever the target says.
inline constexpr std::array<std::pair<std::string_view, double>, 3> kNumbersWithoutJson{{
    {"infinity", std::numeric_limits<double>::infinity()},
    {"-infinity", -std::numeric_limits<double>::infinity()},
    {"nan", std::numeric_limits<double>::quiet_NaN()},
}};

}  // namespace hangspy::snapshot
