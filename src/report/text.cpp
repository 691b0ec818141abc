// The report for people: one screen, the verdict first, one sentence a wait, in the cycle's order.
#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>

#include "hangspy/report.hpp"
#include "report/canvas.hpp"
#include "report/everything.hpp"
#include "report/fingerprint.hpp"
#include "report/story.hpp"

namespace hangspy::report {
namespace {

using diagnosis::Certainty;
using diagnosis::Diagnosis;
using diagnosis::Verdict;
using Lines = std::vector<std::string>;

constexpr std::size_t kMaxLines = 40;
constexpr std::size_t kMaxMissing = 4;
constexpr std::size_t kMaxLinesOfMissing = 2;  // of one sentence
constexpr std::size_t kNameColumns = 60;       // of one name of the target's

std::string decimal(double value, const char* unit) {
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), value < 10 ? "%.1f %s" : "%.0f %s", value, unit);
  return text.data();
}

std::string duration(std::uint64_t microseconds) {
  const auto value = static_cast<double>(microseconds);
  if (value < 1e3) return decimal(value, "us");
  return value < 1e6 ? decimal(value / 1e3, "ms") : decimal(value / 1e6, "s");
}

std::string bytes_of(std::uint64_t count) {
  return decimal(static_cast<double>(count) / 1e6, "MB");
}

class Screen {
 public:
  Screen(const snapshot::Snapshot& snapshot, const Diagnosis& diagnosis,
         const snapshot::Account& account, const Options& options)
      : snapshot_(snapshot), diagnosis_(diagnosis), account_(account), options_(options) {}

  std::string draw() {
    const auto head = this->head();
    const auto tail = this->tail();
    const auto around = head.size() + tail.size() + 1;  // and the blank line below the story
    auto body = story(diagnosis_, options_, kMaxLines - std::min(kMaxLines, around));
    if (!body.empty()) body.emplace_back();
    std::string all;
    for (const Lines* part : std::initializer_list<const Lines*>{&head, &body, &tail}) {
      for (const auto& line : *part) all += line + "\n";
    }
    if (options_.all) all += everything(snapshot_, diagnosis_, style(200));
    return all;
  }

 private:
  LineStyle style(std::size_t columns = kNameColumns) const { return {columns, options_.ascii}; }
  std::string line(const Phrase& phrase) const { return to_line(phrase, style()); }

  std::string painted(std::string_view word) const {
    if (!options_.colour) return std::string(word);
    const char* colour =
        diagnosis_.verdict == Verdict::kHealthy || diagnosis_.verdict == Verdict::kSlow
            ? "\x1b[1;32m"
        : diagnosis_.verdict == Verdict::kDeadlock ? "\x1b[1;31m"
                                                   : "\x1b[1;33m";
    return colour + std::string(word) + "\x1b[0m";
  }

  Lines head() const {
    std::string verdict(diagnosis::name_of(diagnosis_.verdict));
    for (auto& each : verdict)
      each = static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
    auto words = verdict + "  ";
    if (diagnosis_.certainty != Certainty::kNone) {
      words += std::string(diagnosis::name_of(diagnosis_.certainty)) + ": ";
    }
    // Two blanks after the verdict are kept: wrapping sees one word and a margin.
    auto lines = wrapped(words.substr(verdict.size() + 2) + line(diagnosis_.headline),
                         {verdict + "  ", "  "});
    lines.front().replace(0, verdict.size(), painted(verdict));
    say(lines, target_words(), {"  target  ", "          "});
    say(lines, proof_words(), {proof_margin(), "          "});
    if (account_.tracer) say(lines, tracer_words(), {"  tracer  ", "          "});
    if (!account_.halted.empty()) say(lines, account_.halted, {"  halted  ", "          "});
    lines.emplace_back();
    return lines;
  }

  std::string target_words() const {
    const auto& runtime = snapshot_.runtime;
    auto words = (snapshot_.is_core ? "core of pid " : "pid ") + std::to_string(snapshot_.pid);
    if (!runtime.server.empty()) words += "  " + to_line(runtime.server, style());
    words += "  CPython " + runtime.version;
    for (const auto& each : runtime.packages) {
      words += "  " + (each.name == "django" ? "Django" : each.name) + " " +
               to_line(each.version, style());
    }
    return words;
  }

  std::string tracer_words() const {
    return "pid " + std::to_string(account_.tracer->pid) + " (" +
           to_line(account_.tracer->name, style()) + ") traces it";
  }

  bool is_finding() const { return !diagnosis_.rule.empty(); }
  std::string proof_margin() const { return is_finding() ? "  proof   " : "  read    "; }

  std::string proof_words() const {
    if (snapshot_.is_core) return "one sample: a core does not change any more";
    std::uint64_t pause = 0;
    std::uint32_t stops = 0;
    for (const auto& each : account_.samples) {
      pause += each.pause_us;
      stops += each.stops;
    }
    const auto samples = account_.samples.size();
    std::string words = samples == 2   ? "twice"
                        : samples == 1 ? "once"
                                       : std::to_string(samples) + " times";
    if (is_finding()) words = "read " + words;
    if (samples > 1) words += ", " + decimal(account_.interval_seconds * 1e3, "ms") + " apart";
    if (is_finding() && samples > 1) words += agreement();
    return words + (stops == 0
                        ? std::string("; worker not paused")
                        : "; worker paused " + duration(pause) + " in " + counted(stops, "stop"));
  }

  // A session goes on until the last samples agree; the first of three may not.
  std::string agreement() const {
    const bool of_last = account_.samples.size() > 2;
    const std::string which = of_last ? ", the last two " : ", ";
    if (diagnosis_.verdict == Verdict::kBlockedLoop) {
      const bool proven = diagnosis_.certainty == Certainty::kProven;
      return which + (proven ? "in the same call; it did not run" : "at the same place");
    }
    if (diagnosis_.verdict != Verdict::kDeadlock) return which + "identical";
    return which + "identical; nobody in the cycle ran" + (of_last ? " between them" : "");
  }

  void say(Lines& lines, const std::string& words, const Margin& margin) const {
    for (auto& each : wrapped(to_line(words, options_.ascii), margin)) {
      lines.push_back(std::move(each));
    }
  }

  Lines tail() const {
    Lines lines;
    if (diagnosis_.verdict == Verdict::kDeadlock) say(lines, ending(), {"  ", "  "});
    if (const auto words = impact(); is_finding() && !words.empty())
      say(lines, words, {"  ", "  "});
    if (diagnosis_.signature.present && !diagnosis_.signature.relation.empty()) {
      say(lines, "signature present, not a deadlock: " + line(diagnosis_.signature.relation),
          {"  ", "  "});
    }
    if (!lines.empty()) lines.emplace_back();
    if (!diagnosis_.advice.help.empty())
      say(lines, line(diagnosis_.advice.help) + ".", {"help: ", "      "});
    for (const auto& note : diagnosis_.advice.notes)
      say(lines, line(note) + ".", {"note: ", "      "});
    if (is_finding()) say(lines, next(), {"next: ", "      "});
    if (is_finding()) {
      say(lines, diagnosis_.rule + " (hangspy explain " + diagnosis_.rule + ")",
          {"rule: ", "      "});
    }
    missing(lines);
    if (!lines.empty() && !lines.back().empty()) lines.emplace_back();
    lines.push_back(last_line());
    return lines;
  }

  std::string ending() const {
    if (!diagnosis_.ends_by_itself) {
      return diagnosis_.may_end
                 ? "Whether an event loop will run something that ends it is not known."
                 : "No timeout was found that would end it.";
    }
    if (!diagnosis_.deadline_seconds) return "A wait in the cycle has a timeout that ends it.";
    const auto seconds = decimal(*diagnosis_.deadline_seconds, "s");
    const char* end = diagnosis_.may_end ? ", or before." : ".";
    if (snapshot_.is_core) {
      return "A timeout breaks the cycle at " + seconds + " of its event loop's own clock" + end;
    }
    return "A timeout breaks the cycle in " + seconds + end;
  }

  std::string impact() const {
    const auto& impact = diagnosis_.impact;
    std::string words;
    const auto add = [&words](std::size_t count, const char* what) {
      if (count != 0) words += (words.empty() ? "" : ", ") + counted(count, what);
    };
    add(impact.requests, "request");
    add(impact.tasks, "task");
    add(impact.threads, "thread");
    if (!words.empty()) words = "Stuck behind it: " + words + ". ";
    if (impact.serves_others && impact.requests == 0) return words;
    return words + (impact.serves_others ? "Other requests are still served."
                                         : "No request is served any more on that event loop.");
  }

  std::string next() const {
    return snapshot_.is_core ? "change the code as said; the core can be read again at any time."
                             : "save this report (--format json), then restart pid " +
                                   std::to_string(snapshot_.pid) + ".";
  }

  void missing(Lines& lines) const {
    const auto& all = diagnosis_.missing;
    const auto shown = options_.all ? all.size() : std::min(all.size(), kMaxMissing);
    for (std::size_t i = 0; i < shown; ++i) {
      auto part =
          wrapped(to_line(all[i], options_.ascii), {"missing: ", "         "}, kColumns - 4);
      if (!options_.all && part.size() > kMaxLinesOfMissing) {
        part.resize(kMaxLinesOfMissing);
        part.back() += " ...";
      }
      lines.insert(lines.end(), part.begin(), part.end());
    }
    if (shown < all.size()) {
      lines.push_back("missing: " + std::to_string(all.size() - shown) +
                      " more (--all shows them)");
    }
  }

  std::string last_line() const {
    std::uint64_t bytes = 0;
    for (const auto& each : account_.samples) bytes += each.bytes_read;
    auto words = std::string(diagnosis::name_of(diagnosis_.verdict)) + "  exit " +
                 std::to_string(diagnosis::exit_code_of(diagnosis_.verdict));
    const auto print = fingerprint(snapshot_, diagnosis_);
    if (!print.empty()) words += "  fingerprint " + print;
    return words + "  read " + bytes_of(bytes) + " in " + duration(account_.wall_us);
  }

  const snapshot::Snapshot& snapshot_;
  const Diagnosis& diagnosis_;
  const snapshot::Account& account_;
  const Options& options_;
};

}  // namespace

std::string text(const snapshot::Snapshot& snapshot, const Diagnosis& diagnosis,
                 const snapshot::Account& account, const Options& options) {
  return Screen(snapshot, diagnosis, account, options).draw();
}

}  // namespace hangspy::report
