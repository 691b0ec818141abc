// Text of the target through every door, alone and in every place of a report.
#include "../unit/report_sample.hpp"
#include "bytes.hpp"
#include "reports.hpp"

namespace hangspy::fuzz {
namespace {

void through_the_doors(const Text& text, std::size_t columns) {
  for (const bool ascii : {false, true}) {
    const auto line = to_line(text, {.max_columns = columns, .ascii = ascii});
    require_harmless(line);
    require(line.find('\n') == std::string::npos, "more than one line");
    require(display_width(line) <= std::max<std::size_t>(columns, 3), "a line is too wide");
    for (const char each : line) require(!ascii || (each & 0x80) == 0, "not ASCII");
  }
  const auto value = to_json_value(text);
  require(nlohmann::json::accept(nlohmann::json(value).dump()), "JSON is not valid");
  const auto again = from_json_value(value);
  require(again && *again == text, "text changes on its way through JSON");
}

void in_reports(const Text& text, std::size_t choice) {
  static const auto names = snapshot_file::all();
  static std::vector<snapshot::Snapshot> snapshots;
  if (snapshots.empty()) {
    for (const auto& name : names) snapshots.push_back(snapshot_file::read(name));
  }
  auto snapshot = snapshots[choice % snapshots.size()];
  report::change_every<Text>(snapshot, [&](Text& each) { each = text; });
  require_reports(snapshot, diagnosis::diagnose(snapshot), true);
}

}  // namespace
}  // namespace hangspy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  hangspy::fuzz::Bytes bytes(data, size);
  const auto columns = bytes.byte();
  const auto choice = bytes.byte();
  const auto text = hangspy::Text::of_target(bytes.rest());
  hangspy::fuzz::through_the_doors(text, columns);
  // All reports take a thousand times as long as the doors.
  if (choice % 16 == 0) hangspy::fuzz::in_reports(text, choice / 16);
  return 0;
}
