// The C types that the DWARF of some ELF files describes, by name.
//
// Only definitions at file level are kept, of structs and of typedefs that lead to one. A name may
// be defined in many compilation units; all of them must agree on what is asked, so that a private
// struct of one file never answers for its namesake in another.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hangspy/result.hpp"

namespace hangspy::python::layouts {

class DwarfTypes {
 public:
  DwarfTypes() = default;
  DwarfTypes(const DwarfTypes&) = delete;
  DwarfTypes& operator=(const DwarfTypes&) = delete;
  ~DwarfTypes();

  [[nodiscard]] Result<void> add_file(const std::string& path);

  // sizeof, or nothing when no file defines the struct. Error: definitions disagree.
  [[nodiscard]] Result<std::optional<std::uint32_t>> size_of(const std::string& name) const;
  // The offset of a member path such as `long_value.lv_tag`; of a bit-field its byte.
  [[nodiscard]] Result<std::optional<std::uint32_t>> offset_of(const std::string& name,
                                                               std::string_view path) const;

 private:
  void add_unit(Dwarf_Die unit);

  std::vector<int> files_;
  std::vector<Dwarf*> dwarfs_;
  std::map<std::string, std::vector<Dwarf_Die>> structs_;
};

}  // namespace hangspy::python::layouts
