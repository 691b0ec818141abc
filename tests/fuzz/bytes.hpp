// The bytes that a fuzzer chose, as numbers; all zero when they are used up.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace hangspy::fuzz {

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  [[nodiscard]] bool empty() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    const auto value = left_.front();
    left_ = left_.subspan(1);
    return value;
  }
  // A number of this many bytes, the lowest first.
  std::uint64_t number(unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }
  [[nodiscard]] std::string rest() const { return {left_.begin(), left_.end()}; }

 private:
  std::span<const std::uint8_t> left_;
};

}  // namespace hangspy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
