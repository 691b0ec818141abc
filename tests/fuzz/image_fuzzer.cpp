// Snapshot, diagnosis and all reports of a recorded worker, spoilt in up to 16 places at once. The
// input says which image, and for each mutation its kind (1 byte), where (4) and what (5).
#include <algorithm>
#include <filesystem>
#include <vector>

#include "bytes.hpp"
#include "mutation.hpp"
#include "proof.hpp"
#include "reports.hpp"

namespace hangspy::fuzz {
namespace {

constexpr std::size_t kMaxMutations = 16;

struct Subject {
  explicit Subject(const std::filesystem::path& path)
      : image(images::Image::load(path).value()),
        places(*image),
        whole(image->diagnose().value()) {}

  std::unique_ptr<images::Image> image;
  Places places;
  images::Reading whole;
};

// Loaded when it is first asked for.
Subject& subject(std::size_t choice) {
  static const auto paths = images::all(HANGSPY_IMAGES);
  static std::vector<std::unique_ptr<Subject>> subjects(paths.size());
  require(!paths.empty(), "there are no images");
  auto& chosen = subjects[choice % subjects.size()];
  if (!chosen) chosen = std::make_unique<Subject>(paths[choice % paths.size()]);
  return *chosen;
}

void spoil(Bytes bytes) {
  auto& chosen = subject(bytes.byte());
  std::vector<Mutation> mutations;
  while (!bytes.empty() && mutations.size() < kMaxMutations) {
    const auto kind = static_cast<Kind>(bytes.byte() % 3);
    const auto where = bytes.number(4);
    mutations.push_back(chosen.places.choose(kind, where, bytes.number(5)));
  }
  const Spoilt spoilt(*chosen.image, mutations);
  const auto reading = chosen.image->diagnose();
  if (!reading) return;
  require_reports(reading->snapshot, reading->diagnosis, true);
  require(doubt_in(*chosen.image, chosen.whole, *reading).empty(), "a proof that is none");
}

}  // namespace
}  // namespace hangspy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hangspy::fuzz::spoil({data, size});
  return 0;
}
