// Code objects: what a frame's code is called, where it was written, which line an instruction
// belongs to, which locals it has, and which `with` bodies an instruction lies in.
//
// Sources: Objects/locations.md and Objects/exception_handling_notes.txt, tag v3.12.1 (the tables
// have had this form since 3.11).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "python/objects.hpp"

namespace hangspy::python {

struct Code {
  Address address;
  Text function;  // qualified name
  Text file;
  std::int32_t first_line = 0;
  std::uint32_t stack_size = 0;
  std::vector<std::string> locals;  // names, in the order of the frame's slots
  std::string line_table;
  std::string exception_table;
};

// The line of the instruction at byte `offset`; 0 when the code gives it none.
[[nodiscard]] std::int32_t line_of(const Code& code, std::uint32_t offset);

// The stack depths of the handlers around the instruction at byte `offset`, innermost first. A
// `with` body's handler has its `__exit__` in the slot below that depth. Only depths that fall
// count: a handler's own clean-up reaches above what is live in the body.
[[nodiscard]] std::vector<std::uint32_t> handler_depths(const Code& code, std::uint32_t offset);

class Codes {
 public:
  explicit Codes(const Objects& objects) : objects_(objects.lasting()) {}

  // The code object at `address`, read once; the reference stays valid.
  [[nodiscard]] Result<const Code*> at(Address address) const;
  // The code objects among a code's constants: the functions nested in it.
  [[nodiscard]] Result<Items> nested(Address code) const;
  // The names that a code has of globals, attributes and modules, sorted.
  [[nodiscard]] Result<std::vector<std::string>> names(Address code) const;
  [[nodiscard]] bool is_code(Address object) const { return objects_.is_builtin(object, "code"); }

 private:
  const Objects& objects_;
  mutable std::unordered_map<std::uint64_t, Code> known_;
};

}  // namespace hangspy::python
