#include "dwarf_types.hpp"

#include <dwarf.h>
#include <fcntl.h>
#include <unistd.h>

namespace hangspy::python::layouts {
namespace {

constexpr int kMaxTypeHops = 16;

bool is_aggregate(Dwarf_Die& die) {
  const auto tag = dwarf_tag(&die);
  return tag == DW_TAG_structure_type || tag == DW_TAG_union_type;
}

std::optional<Dwarf_Die> type_of(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  Dwarf_Die type;
  if (dwarf_attr_integrate(&die, DW_AT_type, &attribute) == nullptr) return std::nullopt;
  if (dwarf_formref_die(&attribute, &type) == nullptr) return std::nullopt;
  return type;
}

// The struct or union definition behind typedefs and qualifiers.
std::optional<Dwarf_Die> definition(Dwarf_Die die) {
  for (int hop = 0; hop < kMaxTypeHops; ++hop) {
    if (is_aggregate(die)) {
      if (dwarf_hasattr(&die, DW_AT_declaration) != 0) return std::nullopt;
      return die;
    }
    const auto next = type_of(die);
    if (!next) return std::nullopt;
    die = *next;
  }
  return std::nullopt;
}

std::optional<std::uint32_t> number(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (dwarf_attr_integrate(&die, name, &attribute) == nullptr) return std::nullopt;
  if (dwarf_formudata(&attribute, &value) != 0 || value > UINT32_MAX) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

std::uint32_t offset_within(Dwarf_Die& member) {
  if (const auto byte = number(member, DW_AT_data_member_location)) return *byte;
  if (const auto bit = number(member, DW_AT_data_bit_offset)) return *bit / 8;
  return 0;  // a member of a union
}

struct Place {
  std::uint32_t offset = 0;
  std::optional<Dwarf_Die> type;  // of the member, when it is a struct or union
};

// The member `name`, also when it lies in unnamed structs and unions. These nest as deep as the C
// source does, so the recursion is short.
std::optional<Place> member(Dwarf_Die aggregate, std::string_view name) {
  Dwarf_Die child;
  for (int found = dwarf_child(&aggregate, &child); found == 0;
       found = dwarf_siblingof(&child, &child)) {
    if (dwarf_tag(&child) != DW_TAG_member) continue;
    const char* own_name = dwarf_diename(&child);
    const auto type = type_of(child);
    const auto inner = type ? definition(*type) : std::nullopt;
    const auto offset = offset_within(child);
    if (own_name != nullptr && name == own_name) return Place{offset, inner};
    if (own_name != nullptr || !inner) continue;
    if (auto deeper = member(*inner, name)) {
      deeper->offset += offset;
      return deeper;
    }
  }
  return std::nullopt;
}

std::optional<std::uint32_t> path_offset(Dwarf_Die aggregate, std::string_view path) {
  std::uint32_t offset = 0;
  std::optional<Dwarf_Die> current = aggregate;
  while (!path.empty()) {
    if (!current) return std::nullopt;
    const auto dot = path.find('.');
    const auto place = member(*current, path.substr(0, dot));
    if (!place) return std::nullopt;
    offset += place->offset;
    current = place->type;
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  return offset;
}

}  // namespace

DwarfTypes::~DwarfTypes() {
  for (auto* dwarf : dwarfs_) dwarf_end(dwarf);
  for (const int file : files_) ::close(file);
}

Result<void> DwarfTypes::add_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return fail(Failure::kFile, "cannot open " + path);
  files_.push_back(file);
  auto* dwarf = dwarf_begin(file, DWARF_C_READ);
  if (dwarf == nullptr) {
    return fail(Failure::kFile, path + " has no debug information",
                "give a file that was not stripped, or its debug file");
  }
  dwarfs_.push_back(dwarf);
  Dwarf_Off offset = 0;
  Dwarf_Off next = 0;
  std::size_t header_size = 0;
  while (dwarf_nextcu(dwarf, offset, &next, &header_size, nullptr, nullptr, nullptr) == 0) {
    Dwarf_Die unit;
    if (dwarf_offdie(dwarf, offset + header_size, &unit) != nullptr) add_unit(unit);
    offset = next;
  }
  return {};
}

void DwarfTypes::add_unit(Dwarf_Die unit) {
  Dwarf_Die child;
  for (int found = dwarf_child(&unit, &child); found == 0;
       found = dwarf_siblingof(&child, &child)) {
    if (dwarf_tag(&child) != DW_TAG_typedef && !is_aggregate(child)) continue;
    const char* name = dwarf_diename(&child);
    if (name == nullptr) continue;
    if (const auto type = definition(child)) structs_[name].push_back(*type);
  }
}

Result<std::optional<std::uint32_t>> DwarfTypes::size_of(const std::string& name) const {
  std::optional<std::uint32_t> agreed;
  const auto found = structs_.find(name);
  if (found == structs_.end()) return agreed;
  for (auto die : found->second) {
    const auto size = number(die, DW_AT_byte_size);
    if (!size) return fail(Failure::kImplausible, "struct " + name + " has no size");
    if (agreed && *agreed != *size) {
      return fail(Failure::kImplausible, "two structs " + name + ", of " + std::to_string(*agreed) +
                                             " and " + std::to_string(*size) + " bytes");
    }
    agreed = size;
  }
  return agreed;
}

Result<std::optional<std::uint32_t>> DwarfTypes::offset_of(const std::string& name,
                                                           std::string_view path) const {
  std::optional<std::uint32_t> agreed;
  const auto found = structs_.find(name);
  if (found == structs_.end()) return agreed;
  for (std::size_t i = 0; i < found->second.size(); ++i) {
    const auto offset = path_offset(found->second[i], path);
    if (i > 0 && offset != agreed) {
      return fail(Failure::kImplausible,
                  "two structs " + name + " disagree on " + std::string(path));
    }
    agreed = offset;
  }
  return agreed;
}

}  // namespace hangspy::python::layouts
