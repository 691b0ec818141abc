// A target of the page cache's own tests, which counts what is fetched of it.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "memory/page_cache.hpp"

namespace hangspy::memory {

// A target whose byte at each address is a function of the address, with holes.
class FakePages {
 public:
  FetchPages fetch() {
    return [this](std::span<const Address> pages,
                  std::span<std::byte> out) -> Result<std::vector<std::size_t>> {
      ++calls;
      if (gone) return fail(Failure::kGone, "ended");
      std::vector<std::size_t> unread;
      for (std::size_t i = 0; i < pages.size(); ++i) {
        EXPECT_EQ(pages[i].value % kPageSize, 0u);
        ++fetched[pages[i].value];
        if (holes.contains(pages[i].value)) {
          unread.push_back(i);
          continue;
        }
        for (std::uint64_t at = 0; at < kPageSize; ++at) {
          out[i * kPageSize + at] = byte_at(pages[i].value + at);
        }
        for (const auto& [at, byte] : written) {
          if (at / kPageSize == pages[i].value / kPageSize) {
            out[i * kPageSize + at % kPageSize] = byte;
          }
        }
      }
      return unread;
    };
  }
  static std::byte byte_at(std::uint64_t at) { return static_cast<std::byte>((at * 31) >> 3); }

  std::map<std::uint64_t, std::byte> written;  // since
  std::map<std::uint64_t, int> fetched;
  std::set<std::uint64_t> holes;
  int calls = 0;
  bool gone = false;
};

inline std::vector<std::byte> expected(std::uint64_t at, std::size_t length) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < length; ++i) bytes.push_back(FakePages::byte_at(at + i));
  return bytes;
}

inline std::vector<Address> pages(std::initializer_list<std::uint64_t> values) {
  std::vector<Address> addresses;
  for (const std::uint64_t value : values) addresses.push_back({value});
  return addresses;
}

}  // namespace hangspy::memory
