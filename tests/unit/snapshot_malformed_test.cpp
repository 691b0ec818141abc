#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "hangspy/snapshot.hpp"
#include "snapshot/json_document.hpp"
#include "snapshot_sample.hpp"

namespace hangspy::snapshot {
namespace {

using Json = nlohmann::json;
using Pointer = Json::json_pointer;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Json sample() {
  return Json::parse(to_json(Sampler(7).snapshot()));
}

// "/threads/0/name" as an error says it: "threads[0].name".
std::string path_of(Pointer pointer) {
  std::string path;
  for (; !pointer.empty(); pointer.pop_back()) {
    const std::string& step = pointer.back();
    const bool is_index = step.find_first_not_of("0123456789") == std::string::npos;
    path.insert(0, is_index ? "[" + step + "]" : "." + step);
  }
  return path.empty() ? "the snapshot" : path.substr(1);
}

// Every value of the document, the outer before the inner ones.
std::vector<Pointer> all_values(const Json& document) {
  std::vector<Pointer> values{Pointer()};
  for (std::size_t at = 0; at < values.size(); ++at) {
    const Json& value = document[values[at]];
    if (!value.is_structured()) continue;
    const Pointer here = values[at];
    for (const auto& [key, inner] : value.items()) {
      values.push_back(value.is_array() ? here / std::stoul(key) : here / key);
    }
  }
  return values;
}

std::string error_of(std::string_view json) {
  const auto parsed = parse(json);
  if (parsed) return "no error";
  EXPECT_EQ(parsed.error().failure, Failure::kFile);
  return parsed.error().what;
}
std::string error_in(const Json& document) {
  return error_of(document.dump());
}

std::string error_with(const char* pointer, Json value) {
  Json document = sample();
  document[Pointer(pointer)] = std::move(value);
  return error_in(document);
}

TEST(MalformedSnapshot, MissingAnyFieldIsAnErrorThatNamesIt) {
  const std::set<std::string> optional{"run_counter", "coroutine_frame", "now",
                                       "max_workers", "place",           "queued_at",
                                       "runs_until",  "runs_until_frame"};
  const Json document = sample();
  int missed = 0;
  for (const Pointer& field : all_values(document)) {
    if (field.empty() || !document[field.parent_pointer()].is_object()) continue;
    Json without = document;
    without[field.parent_pointer()].erase(field.back());
    const bool may_miss =
        optional.contains(field.back()) || (field.back() == "frame" && document[field].is_object());
    EXPECT_EQ(error_in(without), may_miss ? "no error" : path_of(field) + ": missing");
    ++missed;
  }
  EXPECT_GT(missed, 150);
}

TEST(MalformedSnapshot, AValueOfAnotherKindIsAnErrorThatNamesIt) {
  const Json document = sample();
  for (const Pointer& value : all_values(document)) {
    for (const Json& other : {Json(nullptr), Json(true), Json(-7), Json(1.5), Json("?"),
                              Json::array({nullptr}), Json{{"x", 1}}}) {
      const Json& good = document[value];
      if (other.type() == good.type() || (other.is_number() && good.is_number())) continue;
      // A time may be a number or, when it is infinite, a word.
      if (!value.empty() && other.is_number() && (value.back() == "when" || value.back() == "now"))
        continue;
      Json changed = document;
      changed[value] = other;
      EXPECT_THAT(error_in(changed), AllOf(StartsWith(path_of(value) + ": "), HasSubstr(": n")))
          << other;
    }
  }
}

TEST(MalformedSnapshot, AnUnknownKeyAnywhereIsAnErrorThatNamesItsPlace) {
  const Json document = sample();
  for (const Pointer& value : all_values(document)) {
    if (!document[value].is_object()) continue;
    Json changed = document;
    changed[value]["colour"] = 1;
    EXPECT_EQ(error_in(changed), path_of(value) + ": the unknown key \"colour\"");
  }
}

TEST(MalformedSnapshot, AnUnknownKeyIsNotRepeatedRaw) {
  EXPECT_THAT(error_of("{\"\\u001b[31m\": 1}"), HasSubstr("\\x1b[31m"));
}

TEST(MalformedSnapshot, NumbersMustBeWholeAndInRange) {
  EXPECT_EQ(error_with("/pid", 2147483648), "pid: a number out of its range");
  EXPECT_EQ(error_with("/pid", -2147483649), "pid: a number out of its range");
  EXPECT_EQ(error_with("/pid", 2147483647), "no error");
  EXPECT_EQ(error_with("/pid", 1.0), "pid: not a whole number");
  EXPECT_EQ(error_with("/threads/0/wait/frame", -1),
            "threads[0].wait.frame: a number out of its range");
  EXPECT_EQ(error_with("/threads/0/syscall", 9223372036854775808u),
            "threads[0].syscall: a number out of its range");
  EXPECT_EQ(error_with("/references/0/counted", 18446744073709551615u), "no error");
  EXPECT_EQ(error_with("/loops/0/now", 3), "no error");
  EXPECT_EQ(error_with("/loops/0/now", "soon"), "loops[0].now: not a number");
}

TEST(MalformedSnapshot, AddressesAreHexadecimalOf64Bits) {
  for (const char* bad :
       {"", "0x", "7f", "0x7g", "0x-1", "0x+1", "0x1 ", " 0x1", "0X1", "0x10000000000000000"}) {
    EXPECT_THAT(error_with("/threads/0/state", bad), StartsWith("threads[0].state: not an address"))
        << bad;
  }
  EXPECT_EQ(error_with("/threads/0/state", "0xffffffffffffffff"), "no error");
}

TEST(MalformedSnapshot, WordsAndTextsMustBeKnownAndWellFormed) {
  EXPECT_EQ(error_with("/threads/0/activity", "asleep"),
            "threads[0].activity: a word that is not known here");
  EXPECT_THAT(error_with("/tasks/0/name", "\\q"), StartsWith("tasks[0].name: "));
}

// They are printed as they are, and may not bring what a report keeps from the target's words.
TEST(MalformedSnapshot, WordsOfOurOwnMustBePrintable) {
  for (const char* bad : {"\x1b[2J", "line\n", "tab\t", "\x7f", "\u202e", "\x1b"}) {
    EXPECT_EQ(error_with("/locks/0/evidence", bad), "locks[0].evidence: not printable");
    EXPECT_EQ(error_with("/runtime/packages/0/name", bad),
              "runtime.packages[0].name: not printable");
  }
  EXPECT_EQ(error_with("/locks/0/evidence", "from ' ' to '~', Größe"), "no error");
}

TEST(MalformedSnapshot, WhatIsNotJsonIsAnErrorThatNamesTheByte) {
  EXPECT_EQ(error_of(""), "the snapshot's JSON is malformed at byte 1");
  EXPECT_EQ(error_of("{} x"), "the snapshot's JSON is malformed at byte 4");
  EXPECT_THAT(error_of("{\"pid\": \xff}"), HasSubstr("malformed at byte"));
  EXPECT_THAT(error_of("{\"pid\": 1e999}"), HasSubstr("a number too large"));
  EXPECT_EQ(error_of("[]"), "the snapshot: not an object");
  EXPECT_EQ(error_of("{}"), "is_core: missing");
}

TEST(MalformedSnapshot, AKeyTwiceIsAnError) {
  std::string json = to_json(Sampler(7).snapshot());
  json.insert(1, "\"pid\": 1,");
  EXPECT_EQ(error_of(json), "the snapshot's JSON has an object with the same key twice");
}

TEST(MalformedSnapshot, DepthAndCountsAreBounded) {
  const auto error = [](std::string_view json, const JsonLimits& limits) {
    const auto document = parse_document(json, limits);
    return document ? std::string("no error") : document.error().what;
  };
  EXPECT_EQ(error("[[1],{}]", {.depth = 2}), "no error");
  EXPECT_THAT(error("[[[1]],{}]", {.depth = 2}), HasSubstr("deeper than 2"));
  EXPECT_EQ(error("[1,[2,2],3]", {.list_items = 3}), "no error");
  EXPECT_THAT(error("[1,[2,2],{},[4]]", {.list_items = 3}), HasSubstr("more than 3 items"));
  EXPECT_EQ(error("{\"a\":[1,2]}", {.values = 4}), "no error");
  EXPECT_THAT(error("{\"a\":[1,2,3]}", {.values = 4}), HasSubstr("more than 4 values"));
  EXPECT_EQ(error("[1]", {.bytes = 3}), "no error");
  EXPECT_THAT(error("[1] ", {.bytes = 3}), HasSubstr("longer than 3 bytes"));
  EXPECT_THAT(error_of(std::string(1'000'000, '[')), HasSubstr("JSON "));
  EXPECT_THAT(error_of(std::string(500'000, '[') + std::string(500'000, ']')),
              HasSubstr("deeper than 32"));
}

TEST(MalformedSnapshot, AnyDamageGivesAnErrorOrASnapshotThatReadsBack) {
  const std::string good = to_json(Sampler(7).snapshot());
  std::mt19937 random(20'240'611);
  for (int round = 0; round < 1'000; ++round) {
    std::string json = good;
    for (auto hits = 1 + random() % 3; hits > 0; --hits) {
      const std::size_t at = random() % json.size();
      switch (random() % 3) {
        case 0:
          json[at] = static_cast<char>(random());
          break;
        case 1:
          json.erase(at, 1 + random() % 40);
          break;
        default:
          json.insert(at, 1, "{}[]\",:\\0-e"[random() % 11]);
          break;
      }
    }
    const auto parsed = parse(json);
    if (!parsed) continue;
    const auto again = parse(to_json(*parsed));
    ASSERT_TRUE(again) << again.error().what;
    ASSERT_EQ(to_json(*again), to_json(*parsed));
  }
}

}  // namespace
}  // namespace hangspy::snapshot
