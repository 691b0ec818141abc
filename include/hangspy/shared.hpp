// A value that many facts share and that nobody changes, one word wide: a hundred thousand tasks
// stand at the same place of the same file. It may be given to other threads.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace hangspy {

template <class T>
class Shared {
 public:
  Shared() = default;
  explicit Shared(T value) : box_(new Box{std::move(value)}) {}
  Shared(const Shared& other) noexcept : box_(other.box_) {
    if (box_ != nullptr) box_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  Shared(Shared&& other) noexcept : box_(std::exchange(other.box_, nullptr)) {}
  Shared& operator=(Shared other) noexcept {
    std::swap(box_, other.box_);
    return *this;
  }
  ~Shared() {
    if (box_ == nullptr) return;
    if (box_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete box_;
  }

  // Null when it was made without a value.
  [[nodiscard]] const T* get() const { return box_ == nullptr ? nullptr : &box_->value; }

 private:
  struct Box {
    T value;
    std::atomic<std::uint32_t> owners{1};
  };
  Box* box_ = nullptr;
};

}  // namespace hangspy
