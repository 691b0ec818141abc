// One cache of whole pages under everything that reads the target.
//
// Reading CPython is thousands of reads of eight bytes that fall on a few hundred pages. Each page
// is fetched once, so that everything built from it saw the same bytes, unless a bound is set on
// what is held: of a large target that is read once through, memory for every page would cost more
// than to fetch the few again that are asked for twice. Which pages were asked for
// is remembered, so that a stop can copy just those in one batch; and once frozen, the cache is a
// copy of one moment. Most of what is read never changes (types, code), and most of the rest does
// not change just now: such a page need not be in the copy, so that a stop need not last for it. It
// is fetched when it is read, and its bytes are compared with those of pages copied earlier: the
// same before and after, they were the same in between. Not for use by two threads at once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "hangspy/result.hpp"
#include "memory/memory.hpp"
#include "memory/page_room.hpp"

namespace hangspy::memory {

// Copies the pages at these addresses (multiples of kPageSize) to the bytes, which are as many
// pages long, and names by index those that could not be read. An error is for the whole call.
using FetchPages =
    std::function<Result<std::vector<std::size_t>>(std::span<const Address>, std::span<std::byte>)>;

class PageCache final : public Memory {
 public:
  // 256 MB of pages: three times what the largest worker measured needed.
  static constexpr std::size_t kMaxPages = std::size_t{64} * 1024;

  // 8 MB of pages: what a thousand tasks lead to, many times over.
  static constexpr std::size_t kPassing = std::size_t{2} * 1024;

  explicit PageCache(FetchPages fetch, std::size_t max_pages = kMaxPages);

  // From now on it holds about so many pages: over that, those fetched first are let go, and
  // fetched again when they are asked for again. For a reading that passes through a target whose
  // bytes stay, or of which it is told apart from elsewhere whether they did.
  void hold_at_most(std::size_t pages) { room_.hold_at_most(pages); }
  // Two threads may call its fetch at once: beside() gives another one, which holds as many.
  void let_two_fetch() { lets_two_fetch_ = true; }

  // Errors: kUnmapped (no such byte, or the range wraps), kNotCopied (frozen without that page),
  // kLimit (`max_pages` known already), and what the fetch itself says.
  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override;
  [[nodiscard]] Result<void> read_lasting(Address at, std::span<std::byte> out) const override;
  void expect(std::span<const Address> addresses) const override;
  [[nodiscard]] bool takes_hints() const override { return !frozen_; }
  [[nodiscard]] std::unique_ptr<Memory> beside() const override;
  void take_in(const Memory& other) const override;
  [[nodiscard]] bool has_refused() const override {
    return has_refused_ || (now_ && now_->has_refused());
  }

  // Fetches in one call every page not known yet (any address in it names a page). A page that
  // cannot be read is remembered as absent. Errors: kLimit, kNotCopied when frozen, the fetch's.
  [[nodiscard]] Result<void> prefetch(std::vector<Address> pages);

  // The same in three steps, so that only the second need be done while a target stands still: it
  // makes the fetch's calls and nothing else. What is planned must be kept before anything is read.
  class Batch {
   public:
    // One more page that becomes known only then; left out when there is no room for it.
    void add(Address at);
    // Takes the pages out that the last fetch could not read, each of which ends a call of the next
    // one; keep() remembers them as absent. Those among `come_and_go` are given back instead: they
    // may be added again, and are unknown if they are not.
    std::vector<Address> leave_out_unread(const std::set<Address>& come_and_go = {});
    [[nodiscard]] std::size_t size() const { return pages_.size(); }

   private:
    friend class PageCache;
    std::vector<Address> pages_;
    std::size_t planned_ = 0;  // of them, sorted
    std::span<std::byte> room_;
    std::vector<std::size_t> unread_;
    std::vector<Address> absent_;
  };
  // `spare`: room for this many pages to be added.
  [[nodiscard]] Result<Batch> plan(std::vector<Address> pages, std::size_t spare = 0);
  [[nodiscard]] Result<void> fetch(Batch& batch) const;
  void keep(const Batch& batch);

  // Whether the page of this address was read, and is held.
  [[nodiscard]] bool holds(Address at) const;
  // Those of these pages that are not, at this time, as they are held here. Not for a cache that
  // lets pages go. Error: the fetch's.
  [[nodiscard]] Result<std::vector<Address>> changed(std::span<const Address> pages) const;

  // From now on only what is held is read. With `earlier`, which was filled before and must outlive
  // this one, what is not held is fetched as it is now, if it is held there or lasts; `whole`: or
  // whatever it is, since what is not there did not exist before.
  void freeze(const PageCache* earlier = nullptr, bool whole = false);
  [[nodiscard]] bool frozen() const { return frozen_; }
  // Sorted page addresses of bytes that need not be those of the moment of freeze(), even if they
  // are the same before and after: such as may change and change back, and lasting ones of pages
  // that nobody knew before.
  [[nodiscard]] std::vector<Address> borrowed() const;
  // Sorted page addresses of bytes that are not the same before and after.
  [[nodiscard]] std::vector<Address> torn() const;
  [[nodiscard]] Motion motion() const override { return motion_; }

  // Sorted page addresses that a read asked for and that are held: the learned pages. `asked` are
  // all, `remembered` those asked for by any other read than of lasting bytes, `lasting` the rest.
  [[nodiscard]] std::vector<Address> asked() const;
  [[nodiscard]] std::vector<Address> remembered() const;
  [[nodiscard]] std::vector<Address> lasting() const;
  // Sorted page addresses that a read asked for and that could not be read. Whoever copies the
  // learned pages in a stop asks for these too, so that they stay kUnmapped, not kNotCopied.
  [[nodiscard]] std::vector<Address> absent() const;
  // Sorted page addresses asked for after freeze() that are not known: what to copy next time.
  [[nodiscard]] std::vector<Address> missing() const;
  // Bytes copied from the target, asked for or not, each time anew.
  [[nodiscard]] std::uint64_t bytes_read() const {
    return bytes_read_ + (now_ ? now_->bytes_read() : 0);
  }

 private:
  static constexpr std::uint64_t kNoPage = 1;  // not a page address
  static constexpr std::size_t kRecent = 64;

  enum class Use : std::uint8_t { kAny, kLasting };
  struct Slot {
    std::byte* bytes = nullptr;  // null: let go, or known to be unreadable
    bool is_readable = false;
    bool asked = false;
    bool asked_lasting = false;
  };
  // The pages read last, for each use, by some bits of their address: nearly every read falls on
  // one.
  struct Last {
    std::uint64_t at = kNoPage;
    const std::byte* bytes = nullptr;
    const std::byte* before = nullptr;  // the earlier cache's; null where it has none
    bool is_outside = false;            // it was not copied, and is as it is now
    bool is_noted = false;              // it matters what is read of it
  };

  [[nodiscard]] Result<void> read_for(Use use, Address at, std::span<std::byte> out) const;
  [[nodiscard]] Result<const Last*> page(Use use, std::uint64_t at) const;
  [[nodiscard]] Result<const Last*> page_outside(Use use, std::uint64_t at) const;
  [[nodiscard]] tl::unexpected<Error> not_copied(std::uint64_t at) const;
  void note_torn(std::uint64_t page) const;
  [[nodiscard]] const std::byte* bytes_of(std::uint64_t at) const;
  void note(Use use, const Last& from, std::uint64_t offset, std::size_t length) const;
  [[nodiscard]] Last& recent(Use use, std::uint64_t at) const {
    return last_[static_cast<std::size_t>(use)][at / kPageSize % kRecent];
  }
  void copy_out(Use use, const Last& from, std::uint64_t offset, std::span<std::byte> out) const;
  [[nodiscard]] Result<void> fetch_unknown(std::vector<Address> pages) const;
  [[nodiscard]] Result<void> fetch_for_read(std::vector<Address> pages) const;
  [[nodiscard]] Result<Batch> plan_unknown(std::vector<Address> pages, std::size_t spare) const;
  void keep_fetched(const Batch& batch) const;
  [[nodiscard]] Result<void> read_across(Use use, std::uint64_t at, std::span<std::byte> out) const;
  [[nodiscard]] Result<std::vector<Last>> pages_together(Use use, std::vector<Address> pages) const;
  [[nodiscard]] static bool is_let_go(const Slot& slot) {
    return slot.bytes == nullptr && slot.is_readable;
  }
  void forget_recent() const;
  template <class Wanted>
  [[nodiscard]] std::vector<Address> pages_that(Wanted wanted) const;

  FetchPages fetch_;
  std::size_t max_pages_;
  bool lets_two_fetch_ = false;
  bool frozen_ = false;
  const PageCache* earlier_ = nullptr;
  bool earlier_is_whole_ = false;
  std::unique_ptr<PageCache> now_;  // what was not copied, as it is after the copy
  mutable Motion motion_;
  mutable std::unordered_set<std::uint64_t> borrowed_;
  mutable std::unordered_set<std::uint64_t> torn_;
  mutable std::array<std::array<Last, kRecent>, 2> last_;  // by use
  mutable std::unordered_map<std::uint64_t, Slot> slots_;
  mutable std::unordered_set<std::uint64_t> missing_;
  mutable PageRoom room_;
  mutable bool lets_go_ = true;  // not while a read puts several pages together
  mutable std::uint64_t bytes_read_ = 0;
  mutable bool has_refused_ = false;
};

}  // namespace hangspy::memory
