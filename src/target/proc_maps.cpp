// Takes lines of maps apart by position; the path comes last, so nothing in it can confuse.
#include "target/proc_maps.hpp"

#include <algorithm>
#include <charconv>
#include <string>
#include <utility>

namespace hangspy::target {
namespace {

// Takes a hexadecimal number off the front of `line`, and the `end` that must follow it.
bool take_hex(std::string_view& line, char end, std::uint64_t& value) {
  const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  if (error != std::errc() || stop == line.data() + line.size() || *stop != end) return false;
  line.remove_prefix(static_cast<std::size_t>(stop - line.data()) + 1);
  return true;
}

bool skip_word(std::string_view& line) {
  const std::size_t end = line.find(' ');
  if (end == 0) return false;
  line.remove_prefix(std::min(end, line.size()));
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return true;
}

bool parse_line(std::string_view line, Mapping& mapping) {
  if (!take_hex(line, '-', mapping.begin.value) || !take_hex(line, ' ', mapping.end.value) ||
      line.size() < 5 || mapping.end < mapping.begin) {
    return false;
  }
  mapping.readable = line[0] == 'r';
  mapping.writable = line[1] == 'w';
  mapping.executable = line[2] == 'x';
  mapping.is_private = line[3] == 'p';
  line.remove_prefix(5);
  if (!take_hex(line, ' ', mapping.file_offset)) return false;
  if (!skip_word(line) || !skip_word(line)) return false;  // device, inode
  mapping.path = Text::of_target(std::string(line));
  return true;
}

}  // namespace

Result<std::vector<Mapping>> parse_maps(std::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (mappings.size() == kMaxMappings) {
      return fail(Failure::kLimit, "more than " + std::to_string(kMaxMappings) + " mappings");
    }
    Mapping mapping;
    if (!parse_line(text.substr(0, end), mapping)) {
      return fail(Failure::kFile, "line " + std::to_string(mappings.size() + 1) +
                                      " of maps is none of the kernel's");
    }
    mappings.push_back(std::move(mapping));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  // The kernel lists them in order; read in several calls, a line can come twice.
  std::sort(mappings.begin(), mappings.end(),
            [](const Mapping& a, const Mapping& b) { return a.begin < b.begin; });
  return mappings;
}

const Mapping* mapping_at(const std::vector<Mapping>& mappings, Address at) {
  auto after =
      std::upper_bound(mappings.begin(), mappings.end(), at,
                       [](Address value, const Mapping& each) { return value < each.begin; });
  if (after == mappings.begin()) return nullptr;
  --after;
  return at < after->end ? &*after : nullptr;
}

}  // namespace hangspy::target
