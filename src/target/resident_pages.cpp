// Which pages of a process are really there: /proc/PID/pagemap, one 64-bit entry a page
// (Documentation/admin-guide/mm/pagemap.rst: bit 63 present, bit 62 swapped).
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "hangspy/target.hpp"

namespace hangspy::target {
namespace {

constexpr std::uint64_t kThere = 3ULL << 62;

struct Descriptor {
  explicit Descriptor(const std::string& path)
      : number(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number >= 0) ::close(number);
  }
  int number;
};

}  // namespace

Result<std::vector<Address>> resident_pages(Tid pid, const std::vector<Mapping>& mappings,
                                            std::uint64_t max_bytes) {
  const auto path = "/proc/" + std::to_string(pid) + "/pagemap";
  const Descriptor pagemap(path);
  if (pagemap.number < 0) return fail(Failure::kPermission, path + " cannot be read");
  std::vector<Address> pages;
  std::array<std::uint64_t, 512> entries{};
  for (const auto& mapping : mappings) {
    if (!mapping.readable || !mapping.writable || !mapping.is_private) continue;
    for (auto at = mapping.begin.value; at < mapping.end.value;) {
      const auto count =
          std::min<std::uint64_t>(entries.size(), (mapping.end.value - at) / kPageSize);
      const auto got = ::pread(pagemap.number, entries.data(), count * 8,
                               static_cast<off_t>(at / kPageSize * 8));
      if (got != static_cast<ssize_t>(count * 8)) break;
      for (std::uint64_t i = 0; i < count; ++i) {
        if ((entries[i] & kThere) != 0) pages.push_back({at + i * kPageSize});
      }
      if (pages.size() * kPageSize > max_bytes) {
        return fail(Failure::kLimit, "the worker has more private memory than --max-copy allows",
                    "raise --max-copy");
      }
      at += count * kPageSize;
    }
  }
  return pages;
}

}  // namespace hangspy::target
