#include "session/sampling.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "session/motion.hpp"
#include "session/stillness.hpp"

namespace hangspy::session {
namespace {

constexpr std::uint32_t kStillTries = 5;
// Doubled after each: a thread that woke up gets a processor meanwhile, and may sleep again.
constexpr std::chrono::milliseconds kAfterATry{1};
constexpr std::uint32_t kRehearsals = 12;
constexpr std::uint32_t kLastRehearsals = 3;  // just before the stop of a worker that moves
constexpr std::uint32_t kMaxStops = 3;
constexpr std::size_t kMostAskedAtOnce = memory::PageCache::kPassing / 2;  // or they are let go
constexpr std::size_t kStackPages = 3;  // of each thread, from its stack pointer up
constexpr std::size_t kStackPagesOfANewThread = 16;
constexpr std::size_t kNewThreads = 16;  // room for them costs a page fault a page
constexpr std::size_t kComeAndGo = 64;   // each that is not there ends a call in the stop
// Of a worker that moves a stop copies so many pages that this takes about as long again as it
// takes to stop all threads and let them go.
constexpr std::size_t kMovingPagesAThread = 24;
constexpr std::size_t kFewMovingPages = 128;
constexpr std::size_t kManyMovingPages = 1024;

// The head of a thread's interpreter frames is up there (3.11 and 3.12 keep it on the C stack). Of
// a thread that no reading met nothing is learned, so more is taken.
void add_stack(const target::ThreadState& thread, std::size_t pages,
               const std::vector<target::Mapping>& mappings, memory::PageCache::Batch& batch) {
  const auto stack =
      std::upper_bound(mappings.begin(), mappings.end(), thread.stack_pointer,
                       [](std::uint64_t at, const auto& each) { return at < each.end.value; });
  if (stack == mappings.end() || stack->begin.value > thread.stack_pointer) return;
  for (std::size_t i = 0; i < pages; ++i) {
    const auto page = thread.stack_pointer + i * target::kPageSize;
    if (page < stack->end.value) batch.add({page});
  }
}

// Another reading would say the same.
bool is_final(Failure failure) {
  return failure == Failure::kGone || failure == Failure::kSupervisor;
}

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
  const auto known = learned_.size();
  last_learned_.clear();
  for (const auto& pages :
       {cache.remembered(), cache.absent(), cache.missing(), cache.torn(), cache.borrowed()}) {
    last_learned_.insert(last_learned_.end(), pages.begin(), pages.end());
  }
  learned_.insert(last_learned_.begin(), last_learned_.end());
  const auto readable = cache.remembered();
  readable_.insert(readable.begin(), readable.end());
  const auto lasting = cache.lasting();
  lasting_.insert(lasting.begin(), lasting.end());
  quiet_ = learned_.size() > known + learned_.size() / 256 ? 0 : quiet_ + 1;
  moves_ = moves_ || (known != 0 && learned_.size() > known);
}

// What the last reading asked for, most of which this one will, is fetched in one go, if it is not
// too much to be held at once. The pages are given back before what was read is judged.
Result<snapshot::Snapshot> Sampling::read_live(const std::vector<target::ThreadState>& threads,
                                               snapshot::Sample& account) {
  auto cache = cache_over(target_);
  cache.hold_at_most(memory::PageCache::kPassing);
  cache.let_two_fetch();
  if (asked_.size() <= kMostAskedAtOnce) static_cast<void>(cache.prefetch(asked_));
  auto snapshot = read_once(target_, cache, constants_, threads);
  learn(cache);
  refused_ = cache.has_refused();
  asked_ = cache.asked();
  if (snapshot) {
    for (const auto& each : threads) known_[each.tid] = each.stack_pointer;
  } else {
    quiet_ = 0;  // a reading that failed says little of what there is
  }
  account.bytes_read += cache.bytes_read();
  return snapshot;
}

// A thread that computed all through two tries will not lie still for another one, where the last
// lacks nothing else. Without a stop there is no better hope.
bool Sampling::is_vain(const std::vector<target::ThreadState>& before_the_last_try,
                       const Sampled& sampled) const {
  return options_.pause != Pause::kNever && sampled.reading.snapshot.missing.empty() &&
         any_computed(before_the_last_try, sampled.after);
}

// Where it ran meanwhile, what makes no sense need only have been met half done.
Result<Sampled> Sampling::read_still() {
  Sampled sampled;
  std::optional<Error> failed;
  bool ran = false;
  std::vector<target::ThreadState> before_the_last;
  for (std::uint32_t attempt = 1; attempt <= kStillTries; ++attempt) {
    if (attempt > 1) std::this_thread::sleep_for(kAfterATry * (1U << (attempt - 2)));
    HANGSPY_TRY(before, target_.threads());
    sampled.account.tries = attempt;
    auto snapshot = read_live(before, sampled.account);
    HANGSPY_TRY(after, target_.threads());
    if (!snapshot) {
      failed = snapshot.error();
      ran = !all_slept(before, after);
      if (is_final(failed->failure)) break;
      continue;
    }
    failed.reset();
    mark_sleepers(before, after, *snapshot);
    sampled.reading = judged(std::move(*snapshot));
    sampled.after = std::move(after);
    // Where nothing moved, what is missing is so after a stop, too.
    const bool still = holds_still(sampled.reading.snapshot, sampled.reading.diagnosis) ||
                       all_slept(before, sampled.after);
    sampled.doubt = still ? "" : "threads ran while they were read, and it may not be stopped";
    if (refused_) sampled.doubt = "it takes more memory than hangspy reads of a worker";
    if (still || refused_ || is_vain(before_the_last, sampled)) break;
    before_the_last = std::move(before);
  }
  if (failed) {
    const bool torn = options_.pause == Pause::kNever && ran && may_be_torn(failed->failure);
    if (!torn) return tl::unexpected(*failed);
    leave_open("threads ran while they were read: " + failed->what, sampled);
  }
  spdlog::debug("read without a stop: {} tries, {} bytes, {}", sampled.account.tries,
                sampled.account.bytes_read, sampled.doubt.empty() ? "still" : "it ran");
  return sampled;
}

// A thread that stands where it stood before the last reading is most likely as it was then, so
// what that asked of its stack is learned. If not, it lacks, and another stop copies it.
std::size_t Sampling::stack_pages_of(const target::ThreadState& thread, bool copies_learned) const {
  const auto known = known_.find(thread.tid);
  if (known == known_.end()) return kStackPagesOfANewThread;
  return copies_learned && known->second == thread.stack_pointer ? 0 : kStackPages;
}

// While the worker stands, its pages are copied and nothing else is done. They are copied once just
// before, by the same thread, for nothing: that warms every cache on the way, and a warm copy takes
// half as long. What could not be read then but once could is asked for again, last: a thread that
// starts gets memory where another's lay.
Result<target::Stopped> Sampling::copy(memory::PageCache& cache, const Ahead& ahead,
                                       const std::vector<Address>& pages) {
  HANGSPY_TRY(threads, target_.threads());
  const bool has_new = std::any_of(threads.begin(), threads.end(),
                                   [&](const auto& each) { return !known_.contains(each.tid); });
  if (has_new) HANGSPY_CHECK(target_.refresh());  // where their stacks are
  auto once_readable = readable_;
  std::copy_if(pages.begin(), pages.end(), std::inserter(once_readable, once_readable.end()),
               [&](Address each) { return ahead.pages.holds(each); });
  const auto spare = kStackPages * threads.size() + kStackPagesOfANewThread * kNewThreads;
  HANGSPY_TRY(batch, cache.plan(pages, spare));
  std::vector<Address> come_and_go;
  const auto warm = [&]() -> Result<void> {
    HANGSPY_CHECK(cache.fetch(batch));
    come_and_go = batch.leave_out_unread(once_readable);
    if (come_and_go.size() > kComeAndGo) come_and_go.resize(kComeAndGo);
    return {};
  };
  const auto copy_now = [&](std::span<const target::ThreadState> all) {
    for (const auto& each : all) {
      add_stack(each, stack_pages_of(each, !ahead.is_whole), target_.mappings(), batch);
    }
    for (const auto each : come_and_go) batch.add(each);
    return cache.fetch(batch);
  };
  HANGSPY_TRY(stopped, target_.stop({.copy = copy_now, .warm = warm}));
  cache.keep(batch);
  cache.freeze(&ahead.pages, ahead.is_whole);
  if (ahead.is_whole) mark_runners(ahead.threads, threads, stopped.threads);
  return std::move(stopped);
}

void Sampling::leave_open(const std::string& why, Sampled& sampled) const {
  sampled.doubt = why;
  auto& snapshot = sampled.reading.snapshot;
  snapshot.pid = target_.pid();
  snapshot.runtime = constants_.facts;
}

// Reads on while it runs, only to learn which pages it uses, until that brings next to nothing:
// what it gives back it hands out again.
void Sampling::rehearse() {
  snapshot::Sample unaccounted;
  for (std::uint32_t round = 0; round < kRehearsals && quiet_ < 2; ++round) {
    const auto threads = target_.threads();
    if (!threads) break;
    static_cast<void>(read_live(*threads, unaccounted));
  }
}

Result<std::vector<Address>> Sampling::resident() const {
  HANGSPY_CHECK(target_.refresh());
  return target::resident_pages(target_.pid(), target_.mappings(), options_.max_copy);
}

// Where a moving thread will be when it is stopped nobody knows. So all that is private and
// writable is copied before the stop, to tell what moves from what does not; and what readings
// asked for, which may be neither, or swapped out. The last stop's threads are let rest: each has
// to run once to get back into its system call.
Result<void> Sampling::copy_all_ahead(bool again, Ahead& ahead) const {
  HANGSPY_TRY(threads, again ? settled(target_) : target_.threads());
  HANGSPY_TRY(pages, resident());
  pages.insert(pages.end(), learned_.begin(), learned_.end());
  HANGSPY_CHECK(ahead.pages.prefetch(std::move(pages)));
  ahead.threads = std::move(threads);
  ahead.is_whole = true;
  return {};
}

// Reads on while it runs, for the pages that readings ask for at this time, and what they find.
Result<std::vector<Address>> Sampling::rehearse_last() {
  std::vector<Address> seen;
  snapshot::Sample unaccounted;
  found_ = {};
  for (std::uint32_t round = 0; round < kLastRehearsals; ++round) {
    HANGSPY_TRY(threads, target_.threads());
    const auto snapshot = read_live(threads, unaccounted);
    seen.insert(seen.end(), last_learned_.begin(), last_learned_.end());
    if (!snapshot) continue;
    for (const auto& each : snapshot->tasks) found_.tasks.push_back(each.object);
    for (const auto& each : snapshot->threads) found_.threads.push_back(each.tid);
  }
  return seen;
}

// Of those pages the ones that move, which the others need no stop for; what the last stops were in
// doubt for comes first.
Result<std::vector<Address>> Sampling::pages_that_move(const Ahead& ahead) {
  HANGSPY_TRY(seen, rehearse_last());
  const std::set<Address> all(seen.begin(), seen.end());
  HANGSPY_TRY(changed, ahead.pages.changed(std::vector(all.begin(), all.end())));
  std::erase_if(seen, [&](Address each) {
    return !std::binary_search(changed.begin(), changed.end(), each);
  });
  for (std::uint32_t vote = 0; vote <= kLastRehearsals; ++vote) {
    seen.insert(seen.end(), wanted_.begin(), wanted_.end());
  }
  const auto most =
      std::clamp(kMovingPagesAThread * ahead.threads.size(), kFewMovingPages, kManyMovingPages);
  return hottest(std::move(seen), suspected_ ? std::max(most, wanted_.size()) : most);
}

Result<Sampling::Copied> Sampling::read_copy(std::uint32_t stop, bool moves,
                                             snapshot::Sample& account) {
  std::vector<Address> pages(learned_.begin(), learned_.end());
  std::string not_ahead;
  // What does not change is copied before the stop; see PageCache::freeze.
  Ahead ahead{.pages = cache_over(target_, options_.max_copy / memory::kPageSize)};
  HANGSPY_CHECK(ahead.pages.prefetch({lasting_.begin(), lasting_.end()}));
  if (moves) {
    const auto copied = copy_all_ahead(stop > 1, ahead);
    if (!copied && is_final(copied.error().failure)) return tl::unexpected(copied.error());
    if (!copied) not_ahead = ": " + copied.error().what;
  }
  if (ahead.is_whole) {
    HANGSPY_TRY(moving, pages_that_move(ahead));
    pages = std::move(moving);
  }
  auto cache = cache_over(target_);
  HANGSPY_TRY(stopped, copy(cache, ahead, pages));
  account.stops = account.tries = stop;
  account.pause_us += stopped.pause_us;
  const auto in_stop = cache.bytes_read();
  Copied copied{.snapshot = read_once(target_, cache, constants_, stopped.threads, found_),
                .not_ahead = std::move(not_ahead)};
  learn(cache);
  account.bytes_read += cache.bytes_read() + ahead.pages.bytes_read();
  copied.whole = cache.missing().empty();
  copied.mixed = !cache.borrowed().empty() || !cache.torn().empty();
  for (const auto& some : {cache.torn(), cache.missing()}) {
    copied.lacked.insert(some.begin(), some.end());
  }
  spdlog::debug("stop {}: {} us, {} bytes; {} pages missing, {} torn, {} borrowed", stop,
                stopped.pause_us, in_stop, cache.missing().size(), cache.torn().size(),
                cache.borrowed().size());
  return copied;
}

// Why it is not one moment's whole truth. A finding that was made of bytes of several moments needs
// a stop that copies all that it was read from, and finds it again.
std::string Sampling::judge(Copied copied, Sampled& sampled) {
  const auto suspected = std::exchange(suspected_, false);
  const auto before = std::exchange(sampled.reading, judged(std::move(*copied.snapshot)));
  const auto& now = sampled.reading;
  wanted_.merge(copied.lacked);
  // What looked like a hang once is not cleared by bytes of several moments.
  const bool stands = !accused_ && may_stand_on_borrowed(now.diagnosis);
  if (copied.whole && (!copied.mixed || stands)) return "";
  const bool again =
      suspected && is_finding(now.diagnosis) &&
      !diagnosis::difference(before.snapshot, before.diagnosis, now.snapshot, now.diagnosis);
  if (copied.whole && again) return "";
  suspected_ = is_finding(now.diagnosis);
  accused_ = accused_ || (suspected_ && now.diagnosis.verdict != diagnosis::Verdict::kBlockedLoop);
  if (suspected_) wanted_.insert(last_learned_.begin(), last_learned_.end());
  return "what it needs was not copied in one stop" + copied.not_ahead;
}

Result<Sampled> Sampling::read_stopped(bool moves) {
  Sampled sampled;
  sampled.account.stopped = true;
  HANGSPY_TRY(counters, target_.threads());
  std::optional<Error> failed;
  for (std::uint32_t stop = 1; stop <= kMaxStops; ++stop) {
    HANGSPY_TRY(copied, read_copy(stop, moves || stop > 1, sampled.account));
    if (!copied.snapshot) {
      failed = copied.snapshot.error();
      failed->what += copied.not_ahead;
      suspected_ = false;
      wanted_.merge(copied.lacked);
      const bool mixed = !copied.whole || copied.mixed;
      if (mixed && may_be_torn(failed->failure)) failed->failure = Failure::kNotCopied;
      continue;
    }
    failed.reset();
    sampled.doubt = judge(std::move(copied), sampled);
    if (sampled.doubt.empty()) break;
  }
  if (failed && failed->failure != Failure::kNotCopied) return tl::unexpected(*failed);
  // It maps memory faster than it can be listed and stopped: what was read is not enough.
  if (failed) leave_open(failed->what, sampled);
  take_counters(counters, sampled.reading.snapshot);
  for (auto& thread : sampled.reading.snapshot.threads) thread.slept = true;
  return sampled;
}

Result<void> Sampling::let_rest(Sampled& sampled) const {
  if (!sampled.account.stopped) return {};
  HANGSPY_TRY(after, settled(target_));
  sampled.after = std::move(after);
  return {};
}

Result<Sampled> Sampling::take() {
  HANGSPY_CHECK(target_.refresh());
  quiet_ = 0;
  moves_ = false;
  wanted_.clear();
  suspected_ = accused_ = false;
  found_ = {};  // of another sample it says nothing
  auto still = read_still();
  if (!still && is_final(still.error().failure)) return still;
  if (still && refused_) return still;  // a stop would meet the same bound
  const bool holds = still && still->doubt.empty();
  const bool wants_stop =
      options_.pause == Pause::kAlways || (options_.pause == Pause::kAuto && !holds);
  if (!wants_stop) return still;
  if (!holds) rehearse();
  auto stopped = read_stopped(!holds && moves_);
  if (stopped || options_.pause == Pause::kAlways || !still) return stopped;
  const auto why = stopped.error().failure;
  if (why != Failure::kPermission && why != Failure::kLimit) return stopped;
  // What cannot be stopped can be told as it was read while it ran.
  still->doubt = stopped.error().what;
  return still;
}

}  // namespace hangspy::session
