// Taking one sample of a live worker: still if it lies still, else with at most three stops.
#pragma once

#include <map>
#include <set>
#include <string>

#include "session/reading.hpp"

namespace hangspy::session {

struct Sampled {
  Reading reading;                         // its run counters are those before the sample
  std::vector<target::ThreadState> after;  // every thread once it was over; of a stop: let_rest()
  snapshot::Sample account;
  std::string doubt;  // why it is not one moment's whole truth; empty when it is
};

class Sampling {
 public:
  Sampling(target::LiveTarget& target, Constants constants, const Options& options)
      : target_(target), constants_(std::move(constants)), options_(options) {}

  [[nodiscard]] Result<Sampled> take();
  // Before another sample is to be compared with this one: a stop moves the threads' counters, so
  // it waits until they rest, and takes them then.
  [[nodiscard]] Result<void> let_rest(Sampled& sampled) const;

 private:
  [[nodiscard]] Result<Sampled> read_still();
  [[nodiscard]] bool is_vain(const std::vector<target::ThreadState>& before_the_last_try,
                             const Sampled& sampled) const;
  [[nodiscard]] Result<Sampled> read_stopped(bool moves);
  // What was copied before a stop.
  struct Ahead {
    memory::PageCache pages;
    bool is_whole = false;                     // all that may move is among them
    std::vector<target::ThreadState> threads;  // before that
  };
  [[nodiscard]] std::size_t stack_pages_of(const target::ThreadState& thread,
                                           bool copies_learned) const;
  [[nodiscard]] Result<target::Stopped> copy(memory::PageCache& cache, const Ahead& ahead,
                                             const std::vector<Address>& pages);
  void rehearse();
  [[nodiscard]] Result<std::vector<Address>> resident() const;
  [[nodiscard]] Result<void> copy_all_ahead(bool again, Ahead& ahead) const;
  [[nodiscard]] Result<std::vector<Address>> rehearse_last();
  [[nodiscard]] Result<std::vector<Address>> pages_that_move(const Ahead& ahead);
  // What was read of a copy, and what it is worth.
  struct Copied {
    Result<snapshot::Snapshot> snapshot;
    bool whole = false;        // nothing that it asked for is missing
    bool mixed = false;        // but some of it is of another moment than the stop
    std::set<Address> lacked;  // what the next stop should copy
    std::string not_ahead;     // ": " and why nothing was copied ahead that should have been
  };
  [[nodiscard]] Result<Copied> read_copy(std::uint32_t stop, bool moves, snapshot::Sample& account);
  [[nodiscard]] std::string judge(Copied copied, Sampled& sampled);
  [[nodiscard]] Result<snapshot::Snapshot> read_live(
      const std::vector<target::ThreadState>& threads, snapshot::Sample& account);
  void learn(const memory::PageCache& cache);
  void leave_open(const std::string& why, Sampled& sampled) const;

  target::LiveTarget& target_;
  Constants constants_;
  Options options_;
  bool refused_ = false;               // the last reading met a bound, and is worth nothing
  std::vector<Address> asked_;         // pages of the last reading
  std::vector<Address> last_learned_;  // and those that it asked for but for what never changes
  std::set<Address> wanted_;           // pages that the next stop has to copy
  bool accused_ = false;               // a stop of this sample found a deadlock or an orphan
  bool suspected_ = false;             // they are all that a finding was read from
  std::set<Address> learned_;          // pages that readings so far asked for
  std::set<Address> readable_;         // and that could be read at least once
  std::set<Address> lasting_;          // and those asked for only for what never changes
  python::Known found_;                // by the last readings
  std::map<target::Tid, std::uint64_t> known_;  // stack pointers of the threads in a reading
  std::uint32_t quiet_ = 0;                     // readings on end that brought next to nothing new
  bool moves_ = false;  // in this sample anything new came, but at the very first
};

}  // namespace hangspy::session
