// Chunks grow with what is held, so that many pages take few of them, and large ones can be backed
// by huge pages.
#include "memory/page_room.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

#include "memory/memory.hpp"

namespace hangspy::memory {
namespace {

constexpr std::size_t kPagesAChunk = 64;
constexpr std::size_t kPagesALargeChunk = 2048;
constexpr std::size_t kHugePage = 2 << 20;

// Of a large chunk the part that huge pages can back. A fault for each small page costs as much as
// copying it. The kernel may decline.
std::span<std::byte> in_huge_pages(std::span<std::byte> chunk) {
  void* start = chunk.data();
  std::size_t length = chunk.size();
  if (std::align(kHugePage, kHugePage, start, length) == nullptr) return chunk;
  ::madvise(start, length & ~(kHugePage - 1), MADV_HUGEPAGE);
  return {static_cast<std::byte*>(start), length};
}

}  // namespace

PageRoom::Taken PageRoom::take(std::size_t pages, bool may_let_go) {
  const std::size_t length = pages * kPageSize;
  Taken taken;
  if (rest_.size() < length) {
    const auto grown = std::clamp(pages_ / 2, kPagesAChunk, kPagesALargeChunk);
    const auto wanted = std::max(pages, std::min(grown, max_pages_ / 4));
    Chunk chunk;
    while (may_let_go && chunk.pages < wanted && !chunks_.empty() && pages_ + wanted > max_pages_) {
      chunk = let_oldest_go();
      taken.has_let_go = true;
    }
    if (chunk.pages < wanted) make(chunk, wanted);
    pages_ += chunk.pages;
    rest_ = chunk.room;
    chunks_.push_back(std::move(chunk));
  }
  taken.room = rest_.first(length);
  rest_ = rest_.subspan(length);
  return taken;
}

PageRoom::Chunk PageRoom::let_oldest_go() {
  Chunk oldest = std::move(chunks_.front());
  chunks_.pop_front();
  pages_ -= oldest.pages;
  for (std::byte** each : oldest.pointers) *each = nullptr;
  oldest.pointers.clear();
  return oldest;
}

void PageRoom::give_back(std::span<std::byte> taken) {
  rest_ = {taken.data(), taken.size() + rest_.size()};
}

void PageRoom::make(Chunk& chunk, std::size_t pages) {
  const std::size_t length = pages * kPageSize;
  const std::size_t to_align = length >= kHugePage ? kHugePage : 0;
  chunk.pages = pages;
  chunk.memory = std::make_unique_for_overwrite<std::byte[]>(length + to_align);
  chunk.room = in_huge_pages({chunk.memory.get(), length + to_align});
}

}  // namespace hangspy::memory
