#include "hangspy/result.hpp"

#include <array>
#include <charconv>

namespace hangspy {

std::string to_hex(Address at) {
  std::array<char, 16> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), at.value, 16).ptr;
  return "0x" + std::string(digits.data(), end);
}

}  // namespace hangspy
