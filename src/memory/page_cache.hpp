// One cache of whole pages under everything that reads the target.
//
// Reading CPython is thousands of reads of eight bytes that fall on a few hundred pages. Each page
// is fetched once, so that everything built from it saw the same bytes; which pages were asked for
// is remembered, so that a stop can copy just those in one batch; and once frozen, the cache is a
// copy that never touches the target again. Not for use by two threads at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "hangspy/result.hpp"
#include "memory/memory.hpp"

namespace hangspy::memory {

inline constexpr std::uint64_t kPageSize = 4096;

// Copies the pages at these addresses (multiples of kPageSize) to the bytes, which are as many
// pages long, and names by index those that could not be read. An error is for the whole call.
using FetchPages =
    std::function<Result<std::vector<std::size_t>>(std::span<const Address>, std::span<std::byte>)>;

class PageCache final : public Memory {
 public:
  // 192 MB of pages: --max-copy and three times what the largest worker measured needed.
  static constexpr std::size_t kMaxPages = std::size_t{48} * 1024;

  explicit PageCache(FetchPages fetch, std::size_t max_pages = kMaxPages);

  // Errors: kUnmapped (no such byte, or the range wraps), kNotCopied (frozen without that page),
  // kLimit (`max_pages` known already), and what the fetch itself says.
  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override;

  // Makes room for this many pages now, so that a prefetch within it allocates no page memory.
  void reserve(std::size_t pages);

  // Fetches in one call every page not known yet (any address in it names a page). A page that
  // cannot be read is remembered as absent. Errors: kLimit, kNotCopied when frozen, the fetch's.
  [[nodiscard]] Result<void> prefetch(std::vector<Address> pages);

  // From now on only what is held is read.
  void freeze() { frozen_ = true; }
  [[nodiscard]] bool frozen() const { return frozen_; }

  // Sorted page addresses that a read asked for and that are held: the learned pages.
  [[nodiscard]] std::vector<Address> remembered() const;
  // Sorted page addresses that a read asked for and that could not be read. Whoever copies the
  // learned pages in a stop asks for these too, so that they stay kUnmapped, not kNotCopied.
  [[nodiscard]] std::vector<Address> absent() const;
  // Sorted page addresses asked for after freeze() that are not known: what to copy next time.
  [[nodiscard]] std::vector<Address> missing() const;
  // Bytes copied from the target, asked for or not.
  [[nodiscard]] std::uint64_t bytes_read() const { return bytes_read_; }

 private:
  struct Slot {
    const std::byte* bytes = nullptr;  // null: known to be unreadable
    bool asked = false;
  };

  [[nodiscard]] Result<const std::byte*> page(std::uint64_t at) const;
  [[nodiscard]] Result<void> fetch_unknown(std::vector<Address> pages) const;
  [[nodiscard]] Result<void> read_across(std::uint64_t at, std::span<std::byte> out) const;
  [[nodiscard]] std::span<std::byte> take_room(std::size_t pages) const;
  [[nodiscard]] std::vector<Address> asked_for(bool held) const;

  static constexpr std::uint64_t kNoPage = 1;  // not a page address

  FetchPages fetch_;
  std::size_t max_pages_;
  bool frozen_ = false;
  mutable std::uint64_t last_page_ = kNoPage;
  mutable const std::byte* last_bytes_ = nullptr;
  mutable std::unordered_map<std::uint64_t, Slot> slots_;
  mutable std::unordered_set<std::uint64_t> missing_;
  mutable std::vector<std::unique_ptr<std::byte[]>> chunks_;  // pages never move
  mutable std::span<std::byte> room_;                         // rest of the last chunk
  mutable std::uint64_t bytes_read_ = 0;
};

}  // namespace hangspy::memory
