// layout_table VERSION FILE...: prints the Layout of one CPython from the DWARF of its ELF files.
//
//   layout_table 3.12.1 libpython3.12.so.1.0 _asyncio.so _queue.so > cpython_3_12.hpp
//
// Layouts are data and are never typed by hand: a number that a person copied cannot be checked
// again, one that this program printed can (the test `layouts` does it wherever such an interpreter
// is installed). The files are the library, or a static python, and those extension modules that
// declare structs of their own: _asyncio and _queue, unless they are built in. Exit code 3: a file
// cannot be read or has no DWARF; 2: the DWARF lacks a struct or member that the release must have.
#include <cstdio>
#include <iostream>

#include "dwarf_types.hpp"
#include "field_sources.hpp"

namespace hangspy::python::layouts {
namespace {

struct Version {
  int major = 0;
  int minor = 0;
  int micro = 0;
};

struct Found {
  std::uint32_t value = 0;
  std::string source;
};

std::string_view take(std::string_view& list, char separator) {
  const auto end = list.find(separator);
  const auto item = list.substr(0, end);
  list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  return item;
}

Result<std::optional<Found>> size_of(const DwarfTypes& types, std::string_view name) {
  HANGSPY_TRY(size, types.size_of(std::string(name)));
  if (!size) return std::optional<Found>{};
  return std::optional<Found>{{*size, "sizeof " + std::string(name)}};
}

Result<std::optional<Found>> look_up(const DwarfTypes& types, std::string_view structs,
                                     std::string_view member) {
  constexpr std::string_view kSizeOf = "sizeof ";
  if (member.starts_with(kSizeOf)) return size_of(types, member.substr(kSizeOf.size()));
  while (!structs.empty()) {
    const std::string name(take(structs, '|'));
    HANGSPY_TRY(offset, types.offset_of(name, member));
    if (offset) return std::optional<Found>{{*offset, name + "." + std::string(member)}};
  }
  return std::optional<Found>{};
}

Result<std::optional<Found>> find(const DwarfTypes& types, const GroupSource& group,
                                  const FieldSource& field) {
  if (field.members.empty()) return size_of(types, group.structs);
  for (auto members = field.members; !members.empty();) {
    HANGSPY_TRY(found, look_up(types, group.structs, take(members, '|')));
    if (found) return found;
  }
  return std::optional<Found>{};
}

Result<void> print_field(const DwarfTypes& types, const GroupSource& group,
                         const FieldSource& field, const Version& version) {
  HANGSPY_TRY(found, find(types, group, field));
  const bool expected = version.minor >= field.minors.first && version.minor <= field.minors.last;
  if (expected && !found) {
    return fail(Failure::kImplausible, "no " + std::string(group.group) + "." +
                                           std::string(field.field) + ": neither of " +
                                           std::string(group.structs) + " has " +
                                           std::string(field.members));
  }
  std::cout << "        ." << field.field << " = ";
  if (found) {
    std::cout << found->value << ",  // " << found->source << '\n';
  } else {
    std::cout << "kAbsent,\n";
  }
  return {};
}

Result<void> print_table(const DwarfTypes& types, const Version& version) {
  const auto minor = std::to_string(version.minor);
  const auto full = "3." + minor + "." + std::to_string(version.micro);
  std::cout << "// CPython " << full
            << ", with the GIL, x86-64. Do not edit; made from its DWARF by\n"
            << "//   layout_table " << full << " libpython3." << minor
            << ".so.1.0 _asyncio.so _queue.so\n"
            << "#pragma once\n\n#include \"python/layouts/layout.hpp\"\n\n"
            << "// clang-format off\nnamespace hangspy::python::layouts {\n\n"
            << "inline constexpr Layout kCPython3_" << minor << "{\n";
  for (const auto& group : field_sources()) {
    std::cout << "    ." << group.group << " = {  // " << group.header << '\n';
    for (const auto& field : group.fields) {
      HANGSPY_CHECK(print_field(types, group, field, version));
    }
    std::cout << "    },\n";
  }
  std::cout << "};\n\n}  // namespace hangspy::python::layouts\n";
  return {};
}

Result<void> run(const std::vector<std::string>& arguments) {
  Version version;
  if (arguments.size() < 2 ||
      std::sscanf(arguments[0].c_str(), "%d.%d.%d", &version.major, &version.minor,
                  &version.micro) != 3 ||
      version.major != 3) {
    return fail(Failure::kUsage, "usage: layout_table 3.X.Y FILE...");
  }
  DwarfTypes types;
  for (std::size_t i = 1; i < arguments.size(); ++i) HANGSPY_CHECK(types.add_file(arguments[i]));
  return print_table(types, version);
}

}  // namespace
}  // namespace hangspy::python::layouts

int main(int argc, char** argv) {
  const auto done = hangspy::python::layouts::run({argv + 1, argv + argc});
  if (done) return 0;
  std::cerr << "layout_table: " << done.error().what << '\n';
  return done.error().failure == hangspy::Failure::kFile ? 3 : 2;
}
