// The snapshot's JSON, and whatever can be written in it: graph, verdict and reports. A file of
// tests/snapshots, which leaves out most fields, is completed first, so that these are the seeds.
#include "../unit/snapshot_file.hpp"
#include "bytes.hpp"
#include "reports.hpp"

namespace hangspy::fuzz {
namespace {

// Deeper JSON is refused by the reader, and not completed here.
bool is_deep(std::string_view json) {
  return std::count(json.begin(), json.end(), '[') + std::count(json.begin(), json.end(), '{') >
         2'000;
}

Result<snapshot::Snapshot> completed(const std::string& text) {
  static const auto declared = snapshot_file::declared_facts();
  if (is_deep(text)) return fail(Failure::kFile, "deep");
  auto json = snapshot_file::Json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(Failure::kFile, "not an object");
  snapshot_file::complete(json, declared);
  return snapshot::parse(json.dump(-1, ' ', true, snapshot_file::Json::error_handler_t::replace));
}

void read(const std::string& text) {
  auto snapshot = snapshot::parse(text);
  if (!snapshot) snapshot = completed(text);
  if (!snapshot) return;
  require_reports(*snapshot, diagnosis::diagnose(*snapshot), true);
}

}  // namespace
}  // namespace hangspy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hangspy::fuzz::read({data, data + size});
  return 0;
}
