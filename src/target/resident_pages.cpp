// Which pages of a process are really there: /proc/PID/pagemap, one 64-bit entry a page
// (Documentation/admin-guide/mm/pagemap.rst: bit 63 present).
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "hangspy/target.hpp"

namespace hangspy::target {
namespace {

constexpr std::uint64_t kPresent = 1ULL << 63;
constexpr std::size_t kEntriesAtOnce = 8192;
// Address space that somebody reserved (a sanitizer's shadow takes terabytes), not a heap: to list
// its pages would take minutes. And so much of all mappings together is looked through.
constexpr std::uint64_t kHuge = 16ULL << 30;
constexpr std::uint64_t kMostSearched = 4 * kHuge;

std::uint64_t size_of(const Mapping& mapping) {
  return mapping.end.value - mapping.begin.value;
}

// What is mapped from elsewhere and not written to does not move.
bool may_move(const Mapping& mapping) {
  return mapping.readable && mapping.writable && mapping.is_private && size_of(mapping) < kHuge;
}

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
  std::uint64_t searched = 0;
  for (const auto& each : mappings) searched += may_move(each) ? size_of(each) : 0;
  if (searched > kMostSearched) {
    return fail(Failure::kLimit, "the worker has too much private memory mapped to look through");
  }
  const auto path = "/proc/" + std::to_string(pid) + "/pagemap";
  const Descriptor pagemap(path);
  if (pagemap.number < 0) return fail(Failure::kPermission, path + " cannot be read");
  std::vector<Address> pages;
  std::vector<std::uint64_t> entries(kEntriesAtOnce);
  for (const auto& mapping : mappings) {
    if (!may_move(mapping)) continue;
    for (auto at = mapping.begin.value; at < mapping.end.value;) {
      const auto count =
          std::min<std::uint64_t>(entries.size(), (mapping.end.value - at) / kPageSize);
      const auto got = ::pread(pagemap.number, entries.data(), count * 8,
                               static_cast<off_t>(at / kPageSize * 8));
      if (got != static_cast<ssize_t>(count * 8)) break;
      for (std::uint64_t i = 0; i < count; ++i) {
        if ((entries[i] & kPresent) != 0) pages.push_back({at + i * kPageSize});
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
