// The page cache: a hash map of pages that never move, and a shortcut to the last page used,
// because nine reads of ten fall on the page of the read before.
#include "memory/page_cache.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace hangspy::memory {
namespace {

constexpr std::uint64_t kOffsetMask = kPageSize - 1;
constexpr std::size_t kPagesAChunk = 64;

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

}  // namespace

PageCache::PageCache(FetchPages fetch, std::size_t max_pages)
    : fetch_(std::move(fetch)), max_pages_(max_pages) {
  slots_.reserve(1024);
}

Result<void> PageCache::read(Address at, std::span<std::byte> out) const {
  if (out.empty()) return {};
  const std::uint64_t offset = at.value & kOffsetMask;
  if (out.size() > kPageSize - offset) return read_across(at.value, out);
  auto bytes = page(page_of(at.value));
  if (!bytes) return tl::unexpected(std::move(bytes.error()));
  std::memcpy(out.data(), *bytes + offset, out.size());
  return {};
}

// All pages are there before the first byte is copied: a read never partly succeeds.
Result<void> PageCache::read_across(std::uint64_t at, std::span<std::byte> out) const {
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
  if (!frozen_) HANGSPY_CHECK(fetch_unknown(pages));
  std::vector<const std::byte*> bytes;
  for (const Address each : pages) {
    HANGSPY_TRY(found, page(each.value));
    bytes.push_back(found);
  }
  std::uint64_t offset = at & kOffsetMask;
  for (const std::byte* each : bytes) {
    const std::size_t length = std::min<std::size_t>(out.size(), kPageSize - offset);
    std::memcpy(out.data(), each + offset, length);
    out = out.subspan(length);
    offset = 0;
  }
  return {};
}

Result<const std::byte*> PageCache::page(std::uint64_t at) const {
  if (at == last_page_) return last_bytes_;
  auto found = slots_.find(at);
  if (found == slots_.end()) {
    if (frozen_) {
      if (missing_.size() < max_pages_) missing_.insert(at);
      return fail(Failure::kNotCopied, "the page at " + to_hex({at}) + " was not copied");
    }
    HANGSPY_CHECK(fetch_unknown({Address{at}}));
    found = slots_.find(at);
    if (found == slots_.end()) return unmapped(at);
  }
  found->second.asked = true;
  if (found->second.bytes == nullptr) return unmapped(at);
  last_page_ = at;
  last_bytes_ = found->second.bytes;
  return last_bytes_;
}

void PageCache::reserve(std::size_t pages) {
  pages = std::min(pages, max_pages_);
  slots_.reserve(pages);
  if (room_.size() >= pages * kPageSize) return;
  // Zeroed on purpose: the kernel gives us the memory now, not while the target is stopped.
  chunks_.push_back(std::make_unique<std::byte[]>(pages * kPageSize));
  room_ = {chunks_.back().get(), pages * kPageSize};
}

Result<void> PageCache::prefetch(std::vector<Address> pages) {
  if (frozen_) return fail(Failure::kNotCopied, "a frozen copy takes no more pages");
  for (Address& each : pages) each.value = page_of(each.value);
  return fetch_unknown(std::move(pages));
}

Result<void> PageCache::fetch_unknown(std::vector<Address> pages) const {
  std::erase_if(pages, [this](Address each) { return slots_.contains(each.value); });
  std::sort(pages.begin(), pages.end());
  pages.erase(std::unique(pages.begin(), pages.end()), pages.end());
  if (pages.empty()) return {};
  if (pages.size() > max_pages_ - std::min(max_pages_, slots_.size())) {
    return fail(Failure::kLimit,
                "more than " + std::to_string(max_pages_) + " pages of the target were needed");
  }
  const std::span<std::byte> room = take_room(pages.size());
  auto unread_or_error = fetch_(pages, room);
  if (!unread_or_error) {
    room_ = {room.data(), room.size() + room_.size()};  // the room is free again
    return tl::unexpected(std::move(unread_or_error.error()));
  }
  const std::vector<std::size_t>& unread = *unread_or_error;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    slots_.emplace(pages[i].value, Slot{room.data() + i * kPageSize, false});
  }
  std::size_t lost = 0;
  for (const std::size_t index : unread) {
    if (index >= pages.size()) continue;
    const std::byte*& bytes = slots_[pages[index].value].bytes;
    if (std::exchange(bytes, nullptr) != nullptr) ++lost;
  }
  bytes_read_ += (pages.size() - lost) * kPageSize;
  return {};
}

std::span<std::byte> PageCache::take_room(std::size_t pages) const {
  const std::size_t length = pages * kPageSize;
  if (room_.size() < length) {
    const std::size_t chunk = std::max(pages, kPagesAChunk) * kPageSize;
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(chunk));
    room_ = {chunks_.back().get(), chunk};
  }
  const std::span<std::byte> taken = room_.first(length);
  room_ = room_.subspan(length);
  return taken;
}

std::vector<Address> PageCache::asked_for(bool held) const {
  std::vector<Address> found;
  for (const auto& [at, slot] : slots_) {
    if (slot.asked && (slot.bytes != nullptr) == held) found.push_back({at});
  }
  return sorted(std::move(found));
}

std::vector<Address> PageCache::remembered() const {
  return asked_for(true);
}
std::vector<Address> PageCache::absent() const {
  return asked_for(false);
}

std::vector<Address> PageCache::missing() const {
  std::vector<Address> found;
  found.reserve(missing_.size());
  for (const std::uint64_t at : missing_) found.push_back({at});
  return sorted(std::move(found));
}

}  // namespace hangspy::memory
