// Which member of which struct of CPython each field of Layout is.
#pragma once

#include <span>
#include <string_view>

namespace hangspy::python::layouts {

// Minor versions of CPython 3 that have the field. The generator fails when a version in this
// range has none, so that a renamed member is noticed and not taken for an absent one.
struct Minors {
  int first = 0;
  int last = 99;
};
inline constexpr Minors kSomeReleases{99, 99};  // differs within a minor; a unit test looks at it

struct FieldSource {
  std::string_view field;
  // Alternatives separated by '|', the first that exists counts: `member.path` in a struct of the
  // group, `Struct:member.path`, or `sizeof Struct`. Empty: sizeof the group's own struct.
  std::string_view members;
  Minors minors = {};
};

struct GroupSource {
  std::string_view group;
  std::string_view structs;  // alternatives separated by '|'
  std::string_view header;   // where CPython declares it
  std::span<const FieldSource> fields;
};

[[nodiscard]] std::span<const GroupSource> field_sources();

}  // namespace hangspy::python::layouts
