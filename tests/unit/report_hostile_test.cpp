// Names that somebody else chose, to break a terminal or a parser, in every place of a snapshot
// where a name can stand.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "report_sample.hpp"
#include "snapshot_sample.hpp"

namespace hangspy::report {
namespace {

std::string every_byte() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return bytes;
}

std::string repeated(std::string_view word, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += word;
  return all;
}

const std::vector<std::pair<std::string, std::string>>& hostile_names() {
  static const std::vector<std::pair<std::string, std::string>> names = {
      {"every_byte", every_byte()},
      {"escapes", "\x1b[2J\x1b]0;owned\x07\x1b[31m"},
      {"bidi", "\u202eevil\u2066\u2067\u200f\u200b\ufeff"},
      {"c1",
       "\xc2\x9b"
       "31m \x9b"
       "31m"},
      {"invalid", "\xff\xfe\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80 \xe2\x82"},
      {"long", std::string(3'000, 'x')},
      {"many_blanks", std::string(1'000, ' ')},
      {"many_words", repeated("ab ", 1'000)},
      {"wide", repeated("列", 300)},
      {"workflow", "::error::owned\n::set-output name=a::b ::warning file=x::y"},
      {"markup", "</script><script>alert(1)</script><!-- ]]> &lt;"},
      {"slashes", std::string(300, '/') + "../\\\"'`$(reboot)\r\nhelp: fake"},
      {"empty", ""},
  };
  return names;
}

snapshot::Snapshot with_names(const std::string& file, const std::string& name) {
  auto snapshot = snapshot_file::read(file);
  change_every<Text>(snapshot, [&](Text& text) { text = Text::of_target(name); });
  return snapshot;
}

// Control bytes, C1 and marks that turn or hide text.
void expect_harmless(const std::string& text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    ASSERT_TRUE(byte == '\n' || (byte >= 0x20 && byte != 0x7f)) << "byte " << int{byte};
    const bool is_c1 = byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    ASSERT_FALSE(is_c1);
  }
  for (const char* mark : {"\u202e", "\u2066", "\u2067", "\u200f", "\u200b", "\ufeff"}) {
    EXPECT_EQ(text.find(mark), std::string::npos);
  }
  EXPECT_NO_THROW((void)nlohmann::json(text).dump()) << "invalid UTF-8";
  // A CI runner takes a line that begins so for a command to itself, blanks before it or not.
  for (const auto& line : lines_of(text)) {
    const auto begin = std::min(line.find_first_not_of(' '), line.size());
    EXPECT_FALSE(std::string_view(line).substr(begin).starts_with("::")) << line;
  }
}

void expect_one_screen(const std::string& text) {
  const auto lines = lines_of(text);
  EXPECT_LE(lines.size(), 40U) << text;
  for (const auto& line : lines) EXPECT_LE(display_width(line), 96U) << line;
}

class HostileNames : public testing::TestWithParam<std::pair<std::string, std::string>> {};

TEST_P(HostileNames, LeaveTheTextHarmlessAndOnOneScreen) {
  for (const auto& file : snapshot_file::all()) {
    SCOPED_TRACE(file);
    const auto text = Sample(with_names(file, GetParam().second)).text();
    expect_harmless(text);
    expect_one_screen(text);
  }
}

TEST_P(HostileNames, LeaveTheFullTextHarmless) {
  for (const char* file : {"stacked", "on_loop", "lock_across_bridge", "slow_query"}) {
    expect_harmless(Sample(with_names(file, GetParam().second)).text({.all = true}));
  }
}

TEST_P(HostileNames, LeaveTheJsonWhole) {
  for (const char* file : {"stacked", "on_loop", "event", "blocked_loop", "slow_query"}) {
    const auto json = Sample(with_names(file, GetParam().second)).json({.all = true});
    EXPECT_EQ(std::count_if(json.begin(), json.end(), [](char each) { return (each & 0x80) != 0; }),
              0);
    const auto parsed = nlohmann::json::parse(json);
    const auto name = from_json_value(parsed["threads"][0]["name"].get<std::string>());
    EXPECT_EQ(name->bytes(), GetParam().second);
  }
}

TEST_P(HostileNames, DoNotChangeTheVerdict) {
  for (const auto& file : snapshot_file::all()) {
    const auto plain = diagnosis::diagnose(snapshot_file::read(file));
    auto snapshot = with_names(file, GetParam().second);
    // The versions and the loop's type are words of the target that do matter.
    snapshot.runtime = snapshot_file::read(file).runtime;
    EXPECT_EQ(diagnosis::diagnose(snapshot).rule, plain.rule) << file;
  }
}

// A snapshot with a text in every field that can hold one, those of the newest fact too, and the
// only name that is none of the snapshot's.
Sample with_every_text(std::uint32_t seed, const std::string& name) {
  auto snapshot = snapshot::Sampler(seed).snapshot();
  change_every<Text>(snapshot, [&](Text& text) { text = Text::of_target(name); });
  change_every<std::string>(snapshot, [](std::string& ours) { ours = "ours"; });
  Sample sample(std::move(snapshot));
  sample.account.tracer = snapshot::Tracer{.pid = 812, .name = Text::of_target(name)};
  return sample;
}

TEST_P(HostileNames, InEveryFieldThereIsLeaveEveryFormatHarmless) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const auto sample = with_every_text(seed, GetParam().second);
    expect_harmless(sample.text());
    expect_one_screen(sample.text());
    expect_harmless(sample.text({.ascii = true, .all = true}));
    const auto json = sample.json({.all = true});
    EXPECT_TRUE(nlohmann::json::accept(json));
    expect_harmless(json);
    const auto print = nlohmann::json::parse(json)["fingerprint"].get<std::string>();
    EXPECT_TRUE(print.empty() || print.size() == 12) << print;
  }
}

TEST(HostileName, OfAMegabyteTakesNoMoreRoom) {
  for (const char each : {'x', '\t', '\xff'}) {
    Sample sample(with_names("slow_query", std::string(1 << 20, each)));
    sample.account.tracer = snapshot::Tracer{.pid = 812, .name = sample.snapshot.runtime.server};
    const auto text = sample.text();
    EXPECT_LT(text.size(), 4'000U);
    expect_one_screen(text);
    EXPECT_LT(sample.text({.all = true}).size(), 40'000U);
    EXPECT_TRUE(nlohmann::json::accept(sample.json()));
  }
}

INSTANTIATE_TEST_SUITE_P(Names, HostileNames, testing::ValuesIn(hostile_names()),
                         [](const auto& tested) { return tested.param.first; });

}  // namespace
}  // namespace hangspy::report
