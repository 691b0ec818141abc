// mutate FOLDER [COUNT [FIRST]]: spoils the memory images in FOLDER in COUNT ways, one at a time,
// and says everything about each that hangspy would. The same number is always the same mutation.
//
// It fails on a crash, on more work or memory than the bounds below, and on a proven verdict that
// is none: one that the image itself does not give, and one of whose edges was not there.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>

#include "mutation.hpp"
#include "proof.hpp"
#include "reports.hpp"

namespace hangspy::fuzz {
namespace {

constexpr unsigned kSeconds = 60;  // for one mutation; only a hang takes so long
constexpr std::uint64_t kMaxReads = 3'000'000;
constexpr long kMaxResidentKb = 2L << 20;  // the sanitizers' own quarantine included

// Bytes of another memory, and how often they were asked for.
class Counted final : public memory::Memory {
 public:
  explicit Counted(const memory::Memory& memory) : memory_(memory) {}
  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override {
    ++reads_;
    return memory_.read(at, out);
  }
  [[nodiscard]] std::uint64_t reads() const { return reads_; }

 private:
  const memory::Memory& memory_;
  mutable std::uint64_t reads_ = 0;
};

std::uint64_t mixed(std::uint64_t number) {  // splitmix64
  number += 0x9e3779b97f4a7c15;
  number = (number ^ number >> 30U) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27U) * 0x94d049bb133111eb;
  return number ^ number >> 31U;
}

struct Subject {
  std::string name;
  std::unique_ptr<images::Image> image;
  Places places;
  images::Reading whole;  // of the image as it was recorded
};

std::uint64_t at_work = 0;
void too_long(int) {
  const auto text = "mutation " + std::to_string(at_work) + " hangs\n";
  static_cast<void>(!::write(2, text.data(), text.size()));
  std::abort();
}

class Run {
 public:
  explicit Run(const std::filesystem::path& folder) {
    for (const auto& path : images::all(folder)) {
      auto image = images::Image::load(path).value();
      auto whole = image->diagnose().value();
      Places places(*image);
      subjects_.push_back({path.stem(), std::move(image), std::move(places), std::move(whole)});
    }
  }

  void mutate(std::uint64_t number) {
    at_work = number;
    ::alarm(kSeconds);
    const auto random = mixed(number);
    auto& subject = subjects_[number % subjects_.size()];
    const auto kind = static_cast<Kind>(number / subjects_.size() % 3);
    const auto mutation = subject.places.choose(kind, random, mixed(random));
    const Spoilt spoilt(*subject.image, {mutation});
    const Counted counted(*subject.image);
    const auto reading = subject.image->diagnose(counted);
    const auto says = [&](const std::string& what) {
      std::cout << number << " " << subject.name << " " << to_string(mutation) << ": " << what
                << "\n";
    };
    most_reads_ = std::max(most_reads_, counted.reads());
    if (counted.reads() > kMaxReads) {
      says(std::to_string(counted.reads()) + " reads");
      ++wrong_;
    }
    if (!reading) {
      ++verdicts_["no reading"];
      return;
    }
    require_reports(reading->snapshot, reading->diagnosis, number % 8 == 0);
    const auto& found = reading->diagnosis;
    ++verdicts_[std::string(diagnosis::name_of(found.verdict)) + ", " +
                std::string(diagnosis::name_of(found.certainty))];
    if (!is_new_proof(subject.whole.diagnosis, found)) return;
    ++new_proofs_;
    const auto doubt = doubt_in(*subject.image, subject.whole, *reading);
    says("newly proven" + (doubt.empty() ? "" : ", WRONG: " + doubt));
    if (!doubt.empty()) ++wrong_;
  }

  [[nodiscard]] bool finish(std::uint64_t count) const {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    std::cout << count << " mutations of " << subjects_.size() << " images\n";
    for (const auto& [name, times] : verdicts_) std::cout << "  " << name << ": " << times << "\n";
    std::cout << "  newly proven: " << new_proofs_ << "; wrong: " << wrong_ << "\n  at most "
              << most_reads_ << " reads, " << usage.ru_maxrss / 1024 << " MB\n";
    return !subjects_.empty() && wrong_ == 0 && usage.ru_maxrss < kMaxResidentKb;
  }

 private:
  std::vector<Subject> subjects_;
  std::map<std::string, std::uint64_t> verdicts_;
  std::uint64_t new_proofs_ = 0;
  std::uint64_t wrong_ = 0;
  std::uint64_t most_reads_ = 0;
};

}  // namespace
}  // namespace hangspy::fuzz

int main(int count, char** words) {
  const std::uint64_t wanted = count > 2 ? std::strtoull(words[2], nullptr, 10) : 3'000;
  const std::uint64_t first = count > 3 ? std::strtoull(words[3], nullptr, 10) : 0;
  std::signal(SIGALRM, hangspy::fuzz::too_long);
  hangspy::fuzz::Run run(words[1]);
  for (auto number = first; number < first + wanted; ++number) run.mutate(number);
  return run.finish(wanted) ? 0 : 1;
}
