// The page cache: a hash map of pages that never move, and a table of the pages used last, because
// nearly every read falls on one of them.
#include "memory/page_cache.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

namespace hangspy::memory {
namespace {

constexpr std::uint64_t kOffsetMask = kPageSize - 1;

std::uint64_t page_of(std::uint64_t at) {
  return at & ~kOffsetMask;
}

tl::unexpected<Error> unmapped(std::uint64_t at) {
  return fail(Failure::kUnmapped, "no readable memory at " + to_hex({at}));
}

std::vector<Address> sorted(std::vector<Address> addresses) {
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

std::vector<Address> sorted(const std::unordered_set<std::uint64_t>& pages) {
  std::vector<Address> addresses;
  addresses.reserve(pages.size());
  for (const std::uint64_t at : pages) addresses.push_back({at});
  return sorted(std::move(addresses));
}

}  // namespace

PageCache::PageCache(FetchPages fetch, std::size_t max_pages)
    : fetch_(std::move(fetch)), max_pages_(max_pages) {
  slots_.reserve(1024);
}

Result<void> PageCache::read(Address at, std::span<std::byte> out) const {
  return read_for(Use::kAny, at, out);
}

Result<void> PageCache::read_lasting(Address at, std::span<std::byte> out) const {
  return read_for(Use::kLasting, at, out);
}

void PageCache::expect(std::span<const Address> addresses) const {
  if (frozen_) return;
  std::vector<Address> pages;
  for (const Address each : addresses) {
    const Address page{page_of(each.value)};
    if (pages.empty() || pages.back() != page) pages.push_back(page);
  }
  static_cast<void>(fetch_unknown(std::move(pages)));
}

std::unique_ptr<Memory> PageCache::beside() const {
  if (frozen_ || !lets_two_fetch_) return nullptr;
  auto other = std::make_unique<PageCache>(fetch_, max_pages_);
  other->hold_at_most(room_.most());
  return other;
}

void PageCache::take_in(const Memory& other) const {
  const auto& from = static_cast<const PageCache&>(other);  // beside() gives no other
  for (const auto& [at, theirs] : from.slots_) {
    if (!theirs.asked && !theirs.asked_lasting) continue;
    auto& ours = slots_.try_emplace(at, Slot{.is_readable = theirs.is_readable}).first->second;
    ours.asked = ours.asked || theirs.asked;
    ours.asked_lasting = ours.asked_lasting || theirs.asked_lasting;
  }
  bytes_read_ += from.bytes_read_;
  has_refused_ = has_refused_ || from.has_refused_;
}

Result<void> PageCache::read_for(Use use, Address at, std::span<std::byte> out) const {
  if (out.empty()) return {};
  const std::uint64_t offset = at.value & kOffsetMask;
  if (out.size() > kPageSize - offset) return read_across(use, at.value, out);
  const auto from = page(use, page_of(at.value));
  if (!from) return tl::unexpected(from.error());
  copy_out(use, **from, offset, out);
  return {};
}

void PageCache::copy_out(Use use, const Last& from, std::uint64_t offset,
                         std::span<std::byte> out) const {
  if (from.is_noted) note(use, from, offset, out.size());
  // Nearly every read is of one word, which needs no call.
  if (out.size() == sizeof(std::uint64_t)) {
    std::memcpy(out.data(), from.bytes + offset, sizeof(std::uint64_t));
  } else {
    std::memcpy(out.data(), from.bytes + offset, out.size());
  }
}

// All pages are there before the first byte is copied: a read never partly succeeds.
Result<void> PageCache::read_across(Use use, std::uint64_t at, std::span<std::byte> out) const {
  const std::uint64_t last = at + (out.size() - 1);
  if (last < at) {
    return fail(Failure::kUnmapped, "a read of " + std::to_string(out.size()) + " bytes at " +
                                        to_hex({at}) + " goes past the end of memory");
  }
  if ((page_of(last) - page_of(at)) / kPageSize >= max_pages_) {
    return fail(Failure::kLimit, "a read of " + std::to_string(out.size()) + " bytes at " +
                                     to_hex({at}) + " is more than may be copied");
  }
  std::vector<Address> pages;
  for (std::uint64_t each = page_of(at);; each += kPageSize) {
    pages.push_back({each});
    if (each == page_of(last)) break;
  }
  HANGSPY_TRY(held, pages_together(use, std::move(pages)));
  std::uint64_t offset = at & kOffsetMask;
  for (const Last& each : held) {
    const std::size_t length = std::min<std::size_t>(out.size(), kPageSize - offset);
    copy_out(use, each, offset, out.first(length));
    out = out.subspan(length);
    offset = 0;
  }
  return {};
}

Result<std::vector<PageCache::Last>> PageCache::pages_together(Use use,
                                                               std::vector<Address> pages) const {
  lets_go_ = false;
  const auto gather = [&]() -> Result<std::vector<Last>> {
    if (!frozen_) HANGSPY_CHECK(fetch_for_read(pages));
    std::vector<Last> held;
    for (const Address each : pages) {
      HANGSPY_TRY(found, page(use, each.value));
      held.push_back(*found);
    }
    return held;
  };
  auto held = gather();
  lets_go_ = true;
  return held;
}

Result<const PageCache::Last*> PageCache::page(Use use, std::uint64_t at) const {
  Last& last = recent(use, at);
  if (at == last.at) return &last;
  auto found = slots_.find(at);
  if (found == slots_.end() || is_let_go(found->second)) {
    if (earlier_ != nullptr) return page_outside(use, at);
    if (frozen_) return not_copied(at);
    HANGSPY_CHECK(fetch_for_read({Address{at}}));
    found = slots_.find(at);
    if (found == slots_.end()) return unmapped(at);
  }
  (use == Use::kLasting ? found->second.asked_lasting : found->second.asked) = true;
  if (found->second.bytes == nullptr) return unmapped(at);
  last = {.at = at, .bytes = found->second.bytes};
  if (earlier_is_whole_ && use != Use::kLasting) {
    last.before = earlier_->bytes_of(at);
    last.is_noted = last.before == nullptr || std::memcmp(last.before, last.bytes, kPageSize) != 0;
  }
  if (use == Use::kAny && !last.is_noted) lay_at_hand(at, last.bytes);
  return &last;
}

const std::byte* PageCache::bytes_of(std::uint64_t at) const {
  const auto found = slots_.find(at);
  return found == slots_.end() ? nullptr : found->second.bytes;
}

tl::unexpected<Error> PageCache::not_copied(std::uint64_t at) const {
  if (missing_.size() < max_pages_) missing_.insert(at);
  return fail(Failure::kNotCopied, "the page at " + to_hex({at}) + " was not copied");
}

// What lasts is given even where nobody knows what it was before.
Result<const PageCache::Last*> PageCache::page_outside(Use use, std::uint64_t at) const {
  const std::byte* before = earlier_->bytes_of(at);
  if (before == nullptr && use != Use::kLasting && !earlier_is_whole_) return not_copied(at);
  if (auto fetched = now_->prefetch({Address{at}}); !fetched) {
    static_cast<void>(not_copied(at));
    return tl::unexpected(std::move(fetched.error()));
  }
  const std::byte* now = now_->bytes_of(at);
  if (now == nullptr && !earlier_is_whole_) return not_copied(at);
  if (now == nullptr) {
    const bool never_was = before == nullptr && earlier_->slots_.contains(at);
    if (!never_was) note_torn(at);
    return unmapped(at);
  }
  Last& last = recent(use, at);
  last = {.at = at, .bytes = now, .before = before, .is_outside = true, .is_noted = true};
  return &last;
}

// To the byte: beside an instruction's argument, which lasts, its counters go on.
void PageCache::note(Use use, const Last& from, std::uint64_t offset, std::size_t length) const {
  const bool is_same =
      from.before != nullptr && std::memcmp(from.before + offset, from.bytes + offset, length) == 0;
  const bool is_late = from.before == nullptr && use == Use::kLasting;
  if (!is_same && !is_late) {
    if (from.is_outside) return note_torn(from.at);
    ++motion_.fresh;
  } else if (from.is_outside && (is_late || use != Use::kLasting)) {
    borrowed_.insert(from.at);
  }
}

void PageCache::note_torn(std::uint64_t page) const {
  ++motion_.fresh;
  ++motion_.torn;
  torn_.insert(page);
}

void PageCache::freeze(const PageCache* earlier, bool whole) {
  frozen_ = true;
  earlier_ = earlier;
  earlier_is_whole_ = whole;
  forget_recent();
  if (earlier != nullptr) now_ = std::make_unique<PageCache>(fetch_, max_pages_);
}

bool PageCache::holds(Address at) const {
  const auto found = slots_.find(page_of(at.value));
  return found != slots_.end() && found->second.bytes != nullptr;
}

Result<std::vector<Address>> PageCache::changed(std::span<const Address> pages) const {
  PageCache now(fetch_, max_pages_);
  HANGSPY_CHECK(now.prefetch({pages.begin(), pages.end()}));
  bytes_read_ += now.bytes_read();
  std::vector<Address> changed;
  std::copy_if(pages.begin(), pages.end(), std::back_inserter(changed), [&](Address each) {
    const std::byte* here = bytes_of(each.value);
    const std::byte* there = now.bytes_of(each.value);
    if (here == nullptr || there == nullptr) return here != there;
    return std::memcmp(here, there, kPageSize) != 0;
  });
  return changed;
}

Result<void> PageCache::prefetch(std::vector<Address> pages) {
  HANGSPY_TRY(batch, plan(std::move(pages)));
  HANGSPY_CHECK(fetch(batch));
  keep(batch);
  return {};
}

Result<PageCache::Batch> PageCache::plan(std::vector<Address> pages, std::size_t spare) {
  if (frozen_) return fail(Failure::kNotCopied, "a frozen copy takes no more pages");
  for (Address& each : pages) each.value = page_of(each.value);
  auto batch = plan_unknown(std::move(pages), spare);
  // The kernel gives us the memory now, page by page, not while the target is stopped.
  if (batch) std::fill(batch->room_.begin(), batch->room_.end(), std::byte{});
  return batch;
}

Result<void> PageCache::fetch(Batch& batch) const {
  if (batch.pages_.empty()) return {};
  HANGSPY_TRY(unread, fetch_(batch.pages_, batch.room_.first(batch.pages_.size() * kPageSize)));
  batch.unread_ = std::move(unread);
  return {};
}

void PageCache::keep(const Batch& batch) {
  keep_fetched(batch);
}

Result<void> PageCache::fetch_unknown(std::vector<Address> pages) const {
  HANGSPY_TRY(batch, plan_unknown(std::move(pages), 0));
  if (auto fetched = fetch(batch); !fetched) {
    room_.give_back(batch.room_);
    return fetched;
  }
  keep_fetched(batch);
  return {};
}

Result<void> PageCache::fetch_for_read(std::vector<Address> pages) const {
  auto fetched = fetch_unknown(std::move(pages));
  if (!fetched) has_refused_ = true;
  return fetched;
}

Result<PageCache::Batch> PageCache::plan_unknown(std::vector<Address> pages,
                                                 std::size_t spare) const {
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  std::size_t again = 0;
  std::erase_if(pages, [&](Address each) {
    const auto found = slots_.find(each.value);
    if (found == slots_.end()) return false;
    if (is_let_go(found->second)) ++again;
    return !is_let_go(found->second);
  });
  if (pages.size() - again + spare > max_pages_ - std::min(max_pages_, slots_.size())) {
    return fail(Failure::kLimit,
                "more than " + std::to_string(max_pages_) + " pages of the target were needed");
  }
  Batch batch;
  const auto taken = room_.take(pages.size() + spare, lets_go_);
  if (taken.has_let_go) forget_recent();
  batch.room_ = taken.room;
  batch.planned_ = pages.size();
  batch.pages_ = std::move(pages);
  batch.pages_.reserve(batch.planned_ + spare);
  return batch;
}

std::vector<Address> PageCache::Batch::leave_out_unread(const std::set<Address>& come_and_go) {
  std::vector<Address> given_back;
  std::size_t kept = 0;
  auto next = unread_.begin();
  for (std::size_t i = 0; i < pages_.size(); ++i) {
    if (next != unread_.end() && *next == i) {
      (come_and_go.contains(pages_[i]) ? given_back : absent_).push_back(pages_[i]);
      ++next;
    } else {
      pages_[kept++] = pages_[i];
    }
  }
  pages_.resize(kept);
  planned_ = kept;
  unread_.clear();
  return given_back;
}

void PageCache::Batch::add(Address at) {
  at.value = page_of(at.value);
  const auto planned = std::span(pages_).first(planned_);
  const bool is_known = std::binary_search(planned.begin(), planned.end(), at) ||
                        (!pages_.empty() && pages_.back() == at);
  if (!is_known && (pages_.size() + 1) * kPageSize <= room_.size()) pages_.push_back(at);
}

void PageCache::keep_fetched(const Batch& batch) const {
  const auto& pages = batch.pages_;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    Slot& slot = slots_[pages[i].value];
    slot.bytes = batch.room_.data() + i * kPageSize;
    slot.is_readable = true;
    room_.note(slot.bytes);
  }
  for (const auto page : batch.absent_) slots_.emplace(page.value, Slot{});
  std::size_t lost = 0;
  for (const std::size_t index : batch.unread_) {
    if (index >= pages.size()) continue;
    Slot& slot = slots_[pages[index].value];
    slot.is_readable = false;
    if (std::exchange(slot.bytes, nullptr) != nullptr) ++lost;
  }
  bytes_read_ += (pages.size() - lost) * kPageSize;
}

void PageCache::forget_recent() const {
  last_ = {};
  lay_all_aside();
}

template <class Wanted>
std::vector<Address> PageCache::pages_that(Wanted wanted) const {
  std::vector<Address> found;
  for (const auto& [at, slot] : slots_) {
    if (wanted(slot)) found.push_back({at});
  }
  return sorted(std::move(found));
}

std::vector<Address> PageCache::asked() const {
  return pages_that(
      [](const Slot& each) { return (each.asked || each.asked_lasting) && each.is_readable; });
}

std::vector<Address> PageCache::remembered() const {
  return pages_that([](const Slot& each) { return each.asked && each.is_readable; });
}

std::vector<Address> PageCache::lasting() const {
  return pages_that(
      [](const Slot& each) { return each.asked_lasting && !each.asked && each.is_readable; });
}

std::vector<Address> PageCache::absent() const {
  return pages_that(
      [](const Slot& each) { return (each.asked || each.asked_lasting) && !each.is_readable; });
}

std::vector<Address> PageCache::missing() const {
  return sorted(missing_);
}

std::vector<Address> PageCache::torn() const {
  return sorted(torn_);
}

std::vector<Address> PageCache::borrowed() const {
  return sorted(borrowed_);
}

}  // namespace hangspy::memory
