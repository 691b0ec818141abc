// The time that a run may take. Once it is over nothing more is read of the target: each fetch
// fails, so whatever loop is reading comes to its end, and a thread that holds the worker lets go.
#pragma once

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "hangspy/target.hpp"

namespace hangspy::session {

class TimeLimit {
 public:
  using Clock = std::chrono::steady_clock;
  using Seconds = std::chrono::duration<double>;

  explicit TimeLimit(Seconds length)
      : end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(length)) {}

  [[nodiscard]] bool reached() const { return Clock::now() >= end_; }
  // Errors: kLimit once it is reached.
  [[nodiscard]] Result<void> check() const {
    if (!reached()) return {};
    return fail(Failure::kLimit, "the time limit was reached");
  }
  // Sleeps so long, or until it is reached.
  void sleep(std::chrono::milliseconds length) const {
    std::this_thread::sleep_until(std::min(end_, Clock::now() + length));
  }

 private:
  Clock::time_point end_;
};

// A target that is read within a limit. Both must outlive it.
template <class Base>
class Timed : public Base {
 public:
  Timed(Base& target, const TimeLimit& limit) : target_(target), limit_(limit) {}

  [[nodiscard]] target::Target::Kind kind() const override { return target_.kind(); }
  [[nodiscard]] target::Tid pid() const override { return target_.pid(); }
  [[nodiscard]] const std::vector<target::Mapping>& mappings() const override {
    return target_.mappings();
  }
  [[nodiscard]] Result<void> refresh() override { return target_.refresh(); }
  [[nodiscard]] Result<std::vector<target::ThreadState>> threads() const override {
    HANGSPY_CHECK(limit_.check());
    return target_.threads();
  }
  [[nodiscard]] Result<std::vector<std::size_t>> fetch(std::span<const Address> pages,
                                                       std::span<std::byte> out) const override {
    HANGSPY_CHECK(limit_.check());
    return target_.fetch(pages, out);
  }
  [[nodiscard]] Result<std::filesystem::path> file_behind(
      const target::Mapping& mapping) const override {
    return target_.file_behind(mapping);
  }
  [[nodiscard]] Result<std::filesystem::path> file_at(const Text& path) const override {
    return target_.file_at(path);
  }

 protected:
  Base& target_;
  const TimeLimit& limit_;
};

class TimedLive final : public Timed<target::LiveTarget> {
 public:
  using Timed::Timed;

  [[nodiscard]] Result<target::Stopped> stop(const target::StopWork& work) override {
    HANGSPY_CHECK(limit_.check());
    return target_.stop(work);
  }
  [[nodiscard]] Result<target::Restraint> restraint() const override { return target_.restraint(); }
  [[nodiscard]] Result<void> still_there() const override { return target_.still_there(); }
};

}  // namespace hangspy::session
