// Which pages are listed: those that were touched, of mappings that may hold a heap.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hangspy/target.hpp"

namespace hangspy::target {
namespace {

constexpr std::uint64_t kGigabyte = 1ULL << 30;
constexpr std::uint64_t kPages = 512;

// Private, writable, and one page of it touched.
class Reserved {
 public:
  explicit Reserved(std::uint64_t length)
      : length_(length),
        begin_(::mmap(nullptr, length, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    if (begin_ == MAP_FAILED) return;
    ::madvise(begin_, length, MADV_NOHUGEPAGE);
    static_cast<volatile char*>(begin_)[kPageSize] = 1;
  }
  Reserved(const Reserved&) = delete;
  Reserved& operator=(const Reserved&) = delete;
  ~Reserved() { ::munmap(begin_, length_); }

  [[nodiscard]] bool is_there() const { return begin_ != MAP_FAILED; }
  [[nodiscard]] Address touched() const { return {at() + kPageSize}; }
  [[nodiscard]] Mapping mapping() const {
    Mapping mapping;
    mapping.begin = {at()};
    mapping.end = {at() + length_};
    mapping.readable = mapping.writable = mapping.is_private = true;
    return mapping;
  }

 private:
  [[nodiscard]] std::uint64_t at() const { return reinterpret_cast<std::uint64_t>(begin_); }
  std::uint64_t length_;
  void* begin_;
};

TEST(ResidentPages, AreThoseThatWereTouched) {
  const Reserved some(kPages * kPageSize);
  const auto pages = resident_pages(::getpid(), {some.mapping()}, kGigabyte);
  ASSERT_TRUE(pages) << pages.error().what;
  EXPECT_EQ(*pages, std::vector{some.touched()});
}

TEST(ResidentPages, OfWhatIsSharedOrNotWritableAreNotListed) {
  const Reserved some(kPages * kPageSize);
  auto shared = some.mapping();
  shared.is_private = false;
  auto constant = some.mapping();
  constant.writable = false;
  EXPECT_TRUE(resident_pages(::getpid(), {shared, constant}, kGigabyte).value().empty());
}

TEST(ResidentPages, OfReservedTerabytesAreNotLookedFor) {
  const Reserved some(kPages * kPageSize);
  const Reserved much(1024 * kGigabyte);
  ASSERT_TRUE(much.is_there());
  const auto pages = resident_pages(::getpid(), {much.mapping(), some.mapping()}, kGigabyte);
  ASSERT_TRUE(pages) << pages.error().what;
  EXPECT_EQ(*pages, std::vector{some.touched()});
}

TEST(ResidentPages, AreBoundedInBytesAndInWhatIsLookedThrough) {
  const Reserved some(kPages * kPageSize);
  const auto few = resident_pages(::getpid(), {some.mapping()}, kPageSize - 1);
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().failure, Failure::kLimit);
  auto large = some.mapping();
  large.end = {large.begin.value + 15 * kGigabyte};
  const std::vector<Mapping> many(5, large);
  const auto wide = resident_pages(::getpid(), many, kGigabyte);
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().failure, Failure::kLimit);
}

}  // namespace
}  // namespace hangspy::target
