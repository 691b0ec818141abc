// The report for programs: every field that docs/json.md names, and no other.
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "report_sample.hpp"

namespace hangspy::report {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;

Json report_of(const std::string& name, bool all = false) {
  return Json::parse(Sample(name).json({.all = all}));
}

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

TEST(ReportJson, HasTheSameFieldsForEveryVerdict) {
  for (const auto& name : snapshot_file::all()) {
    SCOPED_TRACE(name);
    const auto report = report_of(name);
    EXPECT_THAT(
        keys_of(report),
        ElementsAre("advice", "certainty", "cycle", "deadline_seconds", "ending", "exit_code",
                    "fingerprint", "headline", "missing", "nodes", "rule", "schema_version",
                    "signature", "stuck_behind", "target", "timing", "verdict"));
    EXPECT_EQ(report["schema_version"], "1.0");
    EXPECT_THAT(keys_of(report["target"]),
                ElementsAre("executable", "halted", "kind", "layout", "packages", "pid", "python",
                            "server", "tracer"));
    EXPECT_THAT(keys_of(report["stuck_behind"]),
                ElementsAre("nodes", "requests", "serves_others", "tasks", "threads"));
    EXPECT_THAT(keys_of(report["signature"]), ElementsAre("checks", "present", "relation"));
    EXPECT_THAT(keys_of(report["advice"]), ElementsAre("help", "notes"));
    EXPECT_THAT(keys_of(report["timing"]),
                ElementsAre("bytes_read", "interval_seconds", "pause_us", "samples", "wall_us"));
  }
}

TEST(ReportJson, SaysWhatTheTextSays) {
  for (const auto& name : snapshot_file::all()) {
    SCOPED_TRACE(name);
    const Sample sample(name);
    const auto report = report_of(name);
    const auto& diagnosis = sample.diagnosis;
    EXPECT_EQ(report["verdict"], diagnosis::name_of(diagnosis.verdict));
    EXPECT_EQ(report["certainty"], diagnosis::name_of(diagnosis.certainty));
    EXPECT_EQ(report["rule"], diagnosis.rule);
    EXPECT_EQ(report["exit_code"], diagnosis::exit_code_of(diagnosis.verdict));
    EXPECT_EQ(report["deadline_seconds"].is_null(), !diagnosis.deadline_seconds.has_value());
    EXPECT_EQ(report["cycle"].size(), diagnosis.cycle.size());
    EXPECT_EQ(report["missing"].size(), diagnosis.missing.size());
    EXPECT_EQ(report["advice"]["notes"].size(), diagnosis.advice.notes.size());
    EXPECT_EQ(report["signature"]["present"], diagnosis.signature.present);
    const auto print = report["fingerprint"].get<std::string>();
    EXPECT_EQ(print.empty(), diagnosis.cycle.empty());
    EXPECT_THAT(sample.text(), testing::HasSubstr(print.empty() ? "" : "fingerprint " + print));
  }
}

TEST(ReportJson, HasACycleThatCloses) {
  const auto cycle = report_of("stacked")["cycle"];
  ASSERT_FALSE(cycle.empty());
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    EXPECT_THAT(keys_of(cycle[i]), ElementsAre("evidence", "from", "grade", "relation", "to"));
    EXPECT_EQ(cycle[i]["to"], cycle[(i + 1) % cycle.size()]["from"]);
  }
}

TEST(ReportJson, NamesOnlyNodesThatItLists) {
  for (const auto& name : snapshot_file::all()) {
    SCOPED_TRACE(name);
    for (const bool all : {false, true}) {
      const auto report = report_of(name, all);
      std::set<std::string> listed;
      for (const auto& node : report["nodes"]) {
        EXPECT_TRUE(listed.insert(node["id"]).second) << node["id"] << " twice";
        EXPECT_THAT(node["address"].get<std::string>(), testing::StartsWith("0x"));
      }
      for (const auto& edge : report["cycle"]) {
        EXPECT_TRUE(listed.contains(edge["from"]) && listed.contains(edge["to"])) << edge;
      }
      for (const auto& id : report["stuck_behind"]["nodes"]) EXPECT_TRUE(listed.contains(id)) << id;
      if (!all) continue;
      for (const auto& id : report["parked"]) EXPECT_TRUE(listed.contains(id)) << id;
    }
  }
}

TEST(ReportJson, NamesAThreadOfTheCycleByAliasPlaceAndTid) {
  const auto nodes = report_of("stacked")["nodes"];
  const auto thread =
      std::find_if(nodes.begin(), nodes.end(), [](const Json& node) { return node["id"] == "T1"; });
  ASSERT_NE(thread, nodes.end());
  EXPECT_EQ((*thread)["kind"], "thread");
  EXPECT_EQ((*thread)["tid"], 4197);
  EXPECT_EQ((*thread)["name"], "ThreadPoolExecutor-1_0");
  EXPECT_EQ((*thread)["function"], "price_cart");
  EXPECT_EQ((*thread)["file"], "/srv/shop/pricing.py");
  EXPECT_EQ((*thread)["line"], 31);
  EXPECT_EQ((*thread)["in_user_code"], true);
}

TEST(ReportJson, GivesADeadlineWhereThereIsOne) {
  EXPECT_TRUE(report_of("stacked")["deadline_seconds"].is_null());
  EXPECT_TRUE(report_of("nested_wait_for")["deadline_seconds"].is_number());
}

TEST(ReportJson, SaysHowTheCycleEnds) {
  EXPECT_TRUE(report_of("idle")["ending"].is_null());
  EXPECT_EQ(report_of("nested_wait_for")["ending"], "timeout");
  Sample sample("stacked");
  EXPECT_EQ(nlohmann::ordered_json::parse(sample.json())["ending"], "none");
  sample.diagnosis.may_end = true;
  EXPECT_EQ(nlohmann::ordered_json::parse(sample.json())["ending"], "unknown");
}

TEST(ReportJson, SumsUpWhatTheSamplesCost) {
  Sample sample("stacked");
  sample.account.samples = {
      {.stopped = true, .pause_us = 700, .stops = 1, .tries = 2, .bytes_read = 10},
      {.bytes_read = 5}};
  const auto timing = Json::parse(sample.json())["timing"];
  EXPECT_EQ(timing["pause_us"], 700);
  EXPECT_EQ(timing["bytes_read"], 15);
  EXPECT_EQ(timing["samples"][0], Json::parse(R"({"read": "stopped", "pause_us": 700, "stops": 1,
                                                  "tries": 2, "bytes_read": 10})"));
  EXPECT_EQ(timing["samples"][1]["read"], "still");
}

TEST(ReportJson, WithAllListsEveryThreadAndTask) {
  const Sample sample("stacked");
  const auto report = report_of("stacked", true);
  EXPECT_EQ(report["nodes"].size(), sample.diagnosis.graph.nodes().size());
  ASSERT_EQ(report["threads"].size(), sample.snapshot.threads.size());
  ASSERT_EQ(report["tasks"].size(), sample.snapshot.tasks.size());
  const auto& waiter = report["threads"][1];
  EXPECT_EQ(waiter["wait"], "serve-until");
  EXPECT_EQ(waiter["waits_for"], to_hex(sample.snapshot.threads[1].wait.object));
  EXPECT_EQ(waiter["frames"].size(), sample.snapshot.threads[1].frames.size());
  EXPECT_THAT(keys_of(waiter["frames"][0]),
              ElementsAre("file", "function", "in_user_code", "line"));
  EXPECT_EQ(report["tasks"][0]["state"], "pending");
}

TEST(ReportJson, WithAllListsWhatIsParked) {
  const auto report = report_of("orphan_parked", true);
  EXPECT_EQ(report["verdict"], "healthy");
  EXPECT_FALSE(report["parked"].empty());
}

void collect_keys(const Json& json, std::set<std::string>& keys) {
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items()) {
    if (json.is_object()) keys.insert(key);
    if (key != "packages") collect_keys(value, keys);
  }
}

TEST(ReportJson, HasNoFieldThatItsPageDoesNotName) {
  const auto page = contents_of(std::filesystem::path(HANGSPY_TESTS) / "../docs/json.md");
  std::set<std::string> keys;
  for (const auto& name : snapshot_file::all()) collect_keys(report_of(name, true), keys);
  for (const auto& key : keys) {
    EXPECT_THAT(page, testing::AnyOf(testing::HasSubstr("`" + key + "`"),
                                     testing::HasSubstr("`" + key + "[]`")));
  }
}

}  // namespace
}  // namespace hangspy::report
