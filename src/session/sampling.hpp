// Taking one sample of a live worker: still if it lies still, else with at most three stops.
#pragma once

#include <set>
#include <string>

#include "session/reading.hpp"

namespace hangspy::session {

struct Sampled {
  Reading reading;                         // its run counters are those before the sample
  std::vector<target::ThreadState> after;  // every thread once the sample was over
  snapshot::Sample account;
  std::string doubt;  // why it is not one moment's whole truth; empty when it is
};

class Sampling {
 public:
  Sampling(target::LiveTarget& target, Constants constants, const Options& options)
      : target_(target), constants_(std::move(constants)), options_(options) {}

  [[nodiscard]] Result<Sampled> take();

 private:
  [[nodiscard]] Result<Sampled> read_still();
  [[nodiscard]] Result<Sampled> read_stopped();
  struct Copy {
    std::vector<target::ThreadState> threads;
    std::uint64_t pause_us = 0;
  };
  [[nodiscard]] Result<Copy> copy(memory::PageCache& cache, const std::vector<Address>& pages);
  void learn(const memory::PageCache& cache);
  void leave_open(const std::string& why, Sampled& sampled) const;
  [[nodiscard]] Result<std::vector<Address>> pages_for(std::uint32_t stop) const;

  target::LiveTarget& target_;
  Constants constants_;
  Options options_;
  std::set<Address> learned_;  // pages that readings so far asked for
};

}  // namespace hangspy::session
