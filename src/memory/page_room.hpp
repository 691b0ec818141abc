// Memory for pages, in chunks that never move. If a bound is set, the oldest chunk is let go as a
// whole for a new one: to fetch a page again costs less than the page fault of fresh memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace hangspy::memory {

class PageRoom {
 public:
  // About so many pages are held from now on.
  void hold_at_most(std::size_t pages) { max_pages_ = pages; }
  [[nodiscard]] std::size_t most() const { return max_pages_; }

  struct Taken {
    std::span<std::byte> room;
    bool has_let_go = false;  // other room, and what pointed into it is null
  };
  // Room for so many pages, in one piece. Nothing is let go for it unless it may be.
  [[nodiscard]] Taken take(std::size_t pages, bool may_let_go);
  // Takes back what was taken last, and holds nothing.
  void give_back(std::span<std::byte> taken);
  // `pointer` leads into what was taken last. It becomes null when that is let go, so it must stay
  // where it is.
  void note(std::byte*& pointer) { chunks_.back().pointers.push_back(&pointer); }

 private:
  struct Chunk {
    std::unique_ptr<std::byte[]> memory;
    std::size_t pages = 0;
    std::span<std::byte> room;  // of its memory
    std::vector<std::byte**> pointers;
  };

  static void make(Chunk& chunk, std::size_t pages);
  [[nodiscard]] Chunk let_oldest_go();

  std::size_t max_pages_ = SIZE_MAX;
  std::size_t pages_ = 0;  // of all chunks
  std::deque<Chunk> chunks_;
  std::span<std::byte> rest_;  // of the last chunk
};

}  // namespace hangspy::memory
