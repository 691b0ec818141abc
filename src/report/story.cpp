#include "report/story.hpp"

#include <algorithm>

#include "diagnosis/case.hpp"
#include "report/canvas.hpp"

namespace hangspy::report {
namespace {

using Lines = std::vector<std::string>;

constexpr std::size_t kNameColumns = 60;   // of one name of the target's
constexpr std::size_t kWideColumns = 400;  // with --all, where a line may be as long as it likes

struct Drawing {
  const char *first, *middle, *last;
};
constexpr Drawing kBox{"  ╭─▶ ", "  │   ", "  ╰── "};
constexpr Drawing kAscii{"  +-> ", "  |   ", "  +-- "};
constexpr Drawing kPlain{"  ", "  ", "  "};

enum class Frames : bool { kUsers, kAll };

class Story {
 public:
  Story(const diagnosis::Diagnosis& diagnosis, const Options& options)
      : diagnosis_(diagnosis),
        options_(options),
        is_cycle_(diagnosis.verdict == diagnosis::Verdict::kDeadlock),
        drawing_(!is_cycle_      ? kPlain
                 : options.ascii ? kAscii
                                 : kBox) {}

  Lines told(std::size_t room) const {
    auto parts = all_parts(Frames::kAll);
    if (options_.all || height(parts) <= room) return joined(parts);
    parts = all_parts(Frames::kUsers);
    if (height(parts) > room) fold(parts, room);
    auto lines = joined(parts);
    if (lines.size() > room) lines.resize(room);
    return lines;
  }

 private:
  using Parts = std::vector<Lines>;  // one a participant

  static std::size_t height(const Parts& parts) {
    std::size_t lines = 0;
    for (const auto& part : parts) lines += part.size();
    return lines;
  }

  static Lines joined(const Parts& parts) {
    Lines lines;
    for (const auto& part : parts) lines.insert(lines.end(), part.begin(), part.end());
    return lines;
  }

  Parts all_parts(Frames frames) const {
    Parts parts;
    const auto count = diagnosis_.participants.size();
    for (std::size_t i = 0; i < count; ++i) {
      const bool closes = is_cycle_ && i + 1 == count;
      const std::string first = i == 0 ? drawing_.first : closes ? drawing_.last : drawing_.middle;
      const std::string rest = closes ? "      " : drawing_.middle;
      parts.push_back(part(diagnosis_.participants[i], first, rest, frames));
    }
    return parts;
  }

  Lines part(const diagnosis::Participant& participant, const std::string& first,
             const std::string& rest, Frames frames) const {
    Lines lines;
    const auto indent = rest + std::string(participant.alias.size() + 2, ' ');
    for (const auto& sentence : participant.sentences) {
      const auto start = lines.empty() ? first + participant.alias + "  " : indent;
      auto said = wrapped(to_line(sentence.words, style(kNameColumns)), {start, indent});
      for (const auto& frame : sentence.frames) {
        if (frames == Frames::kUsers && frame->origin != snapshot::Origin::kUser) continue;
        const auto place = wrapped(frame_words(frame), {indent + "  ", indent + "    "}, columns());
        said.insert(said.end(), place.begin(), place.end());
      }
      put_evidence(said, sentence, rest);
      lines.insert(lines.end(), said.begin(), said.end());
    }
    return lines;
  }

  LineStyle style(std::size_t columns) const { return {columns, options_.ascii}; }
  std::size_t columns() const { return options_.all ? kWideColumns : kColumns; }

  std::string frame_words(const snapshot::Frame& frame) const {
    auto words = options_.all ? to_line(frame->file, style(kWideColumns / 2)) + ":" +
                                    std::to_string(frame->line)
                              : to_line(diagnosis::place_of(frame), style(40));
    words += "  " + to_line(frame->function, style(30));
    if (frame->origin != snapshot::Origin::kUser) words += " (library code)";
    return words;
  }

  void put_evidence(Lines& lines, const diagnosis::Sentence& sentence,
                    const std::string& margin) const {
    if (sentence.evidence.empty()) return;
    std::string words = "[" + std::string(graph::name_of(sentence.grade)) + ": ";
    for (std::size_t i = 0; i < sentence.evidence.size(); ++i) {
      words += (i == 0 ? "" : ", ") + sentence.evidence[i];
    }
    words = to_line(words + "]", options_.ascii);
    for (const auto& each : wrapped(words, {}, kColumns - display_width(margin) - 1)) {
      put_right(lines, each, margin);
      if (!options_.colour) continue;
      auto& last = lines.back();
      last.replace(last.size() - each.size(), each.size(), "\x1b[2m" + each + "\x1b[0m");
    }
  }

  void fold(Parts& parts, std::size_t room) const {
    std::size_t used = parts.back().size() + 1;  // the end, and the line that stands for the rest
    std::size_t kept = 0;
    while (kept + 1 < parts.size() && used + parts[kept].size() <= room) {
      used += parts[kept++].size();
    }
    const auto hidden = parts.size() - 1 - kept;
    if (hidden == 0) return;
    const auto words = std::string(options_.ascii ? "... " : "… ") + counted(hidden, "more wait") +
                       " (--all shows them)";
    const auto middle = parts.begin() + static_cast<std::ptrdiff_t>(kept);
    parts.erase(middle + 1, parts.end() - 1);
    *middle = {drawing_.middle + words};
  }

  const diagnosis::Diagnosis& diagnosis_;
  const Options& options_;
  const bool is_cycle_;
  const Drawing drawing_;
};

}  // namespace

std::vector<std::string> story(const diagnosis::Diagnosis& diagnosis, const Options& options,
                               std::size_t room) {
  return Story(diagnosis, options).told(room);
}

}  // namespace hangspy::report
