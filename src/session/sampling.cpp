#include "session/sampling.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "session/stillness.hpp"

namespace hangspy::session {
namespace {

constexpr std::uint32_t kStillTries = 5;
constexpr std::uint32_t kMaxStops = 3;

// After a detach each thread runs once more to get back into its system call. Waits, bounded,
// until the counters rest.
Result<std::vector<target::ThreadState>> settled(const target::LiveTarget& target) {
  HANGSPY_TRY(last, target.threads());
  for (int round = 0; round < 25; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    HANGSPY_TRY(now, target.threads());
    const bool rest = std::equal(
        now.begin(), now.end(), last.begin(), last.end(), [](const auto& left, const auto& right) {
          return left.tid == right.tid && left.run_counter == right.run_counter;
        });
    last = std::move(now);
    if (rest) break;
  }
  return last;
}

}  // namespace

void Sampling::learn(const memory::PageCache& cache) {
  for (const auto& pages : {cache.remembered(), cache.absent(), cache.missing()}) {
    learned_.insert(pages.begin(), pages.end());
  }
}

Result<Sampled> Sampling::read_still() {
  Sampled sampled;
  std::optional<Error> failed;
  for (std::uint32_t attempt = 1; attempt <= kStillTries; ++attempt) {
    HANGSPY_TRY(before, target_.threads());
    auto cache = cache_over(target_);
    auto reading = read_once(target_, cache, constants_, before);
    HANGSPY_TRY(after, target_.threads());
    learn(cache);
    if (!reading) {
      failed = reading.error();
      continue;
    }
    failed.reset();
    mark_sleepers(before, after, reading->snapshot);
    sampled.reading = std::move(*reading);
    sampled.after = std::move(after);
    sampled.account.tries = attempt;
    sampled.account.bytes_read += cache.bytes_read();
    const bool still = holds_still(sampled.reading.snapshot, sampled.reading.diagnosis);
    sampled.doubt = still ? "" : "threads ran while they were read, and it may not be stopped";
    if (still) break;
  }
  if (failed) return tl::unexpected(*failed);
  spdlog::debug("read without a stop: {} tries, {} bytes, {}", sampled.account.tries,
                sampled.account.bytes_read, sampled.doubt.empty() ? "still" : "it ran");
  return sampled;
}

// The learned pages with their neighbours; in the last stop everything private and writable, too.
Result<std::vector<Address>> Sampling::pages_for(std::uint32_t stop) const {
  std::set<Address> pages;
  for (const auto page : learned_) {
    for (const auto each : {page - target::kPageSize, page, page + target::kPageSize}) {
      pages.insert(each);
    }
  }
  if (stop == kMaxStops) {
    HANGSPY_CHECK(target_.refresh());  // mappings come and go under load
    HANGSPY_TRY(resident,
                target::resident_pages(target_.pid(), target_.mappings(), options_.max_copy));
    pages.insert(resident.begin(), resident.end());
  }
  return std::vector<Address>(pages.begin(), pages.end());
}

Result<Sampling::Copy> Sampling::copy(memory::PageCache& cache, const std::vector<Address>& pages) {
  cache.reserve(pages.size());
  HANGSPY_TRY(stop, target_.stop());
  const auto copied = cache.prefetch(pages);
  Copy result;
  result.threads = stop->threads();
  result.pause_us = stop->release();
  if (!copied) return tl::unexpected(copied.error());
  cache.freeze();
  return result;
}

void Sampling::leave_open(const std::string& why, Sampled& sampled) const {
  sampled.doubt = why;
  auto& snapshot = sampled.reading.snapshot;
  snapshot.pid = target_.pid();
  snapshot.runtime = constants_.facts;
}

Result<Sampled> Sampling::read_stopped() {
  Sampled sampled;
  sampled.account.stopped = true;
  sampled.account.tries = 0;
  HANGSPY_TRY(counters, target_.threads());
  std::optional<Error> failed;
  for (std::uint32_t stop = 1; stop <= kMaxStops; ++stop) {
    HANGSPY_TRY(pages, pages_for(stop));
    auto cache = cache_over(target_);
    HANGSPY_TRY(copied, copy(cache, pages));
    sampled.account.stops = stop;
    sampled.account.pause_us += copied.pause_us;
    sampled.account.bytes_read += cache.bytes_read();
    ++sampled.account.tries;
    auto reading = read_once(target_, cache, constants_, copied.threads);
    learn(cache);
    spdlog::debug("stop {}: {} pages, {} us, {} pages missing", stop, pages.size(), copied.pause_us,
                  cache.missing().size());
    if (!reading) {
      failed = reading.error();
      continue;
    }
    failed.reset();
    sampled.reading = std::move(*reading);
    sampled.doubt = cache.missing().empty() ? "" : "pages that it needs were not copied";
    if (sampled.doubt.empty()) break;
  }
  if (failed && failed->failure != Failure::kNotCopied) return tl::unexpected(*failed);
  // It maps memory faster than it can be listed and stopped: what was read is not enough.
  if (failed) leave_open(failed->what, sampled);
  take_counters(counters, sampled.reading.snapshot);
  for (auto& thread : sampled.reading.snapshot.threads) thread.slept = true;
  HANGSPY_TRY(after, settled(target_));
  sampled.after = std::move(after);
  return sampled;
}

Result<Sampled> Sampling::take() {
  HANGSPY_CHECK(target_.refresh());
  auto still = read_still();
  if (!still && still.error().failure == Failure::kGone) return still;
  const bool holds = still && still->doubt.empty();
  const bool wants_stop =
      options_.pause == Pause::kAlways || (options_.pause == Pause::kAuto && !holds);
  return wants_stop ? read_stopped() : still;
}

}  // namespace hangspy::session
