// Where CPython is in the target, which version it is, and which layout fits it.
//
// The runtime's symbols stand in .dynsym even of a stripped executable, because extension modules
// need them. Source: Python/pylifecycle.c (_PyRuntime), Include/cpython/pystate.h,
// Python/getversion.c.
#pragma once

#include <string>
#include <vector>

#include "hangspy/target.hpp"
#include "memory/memory.hpp"
#include "python/layouts/layouts.hpp"

namespace hangspy::python {

struct Runtime {
  Address at;                // _PyRuntime
  std::uint32_t number = 0;  // Py_Version: major, minor, micro, level and serial
  layouts::Build build;
  std::string version;  // "3.12.1"
  Text executable;      // the mapped file that holds it
  std::string layout;   // one line: which layout was chosen and what confirmed it
  std::vector<Address> interpreters;
  std::vector<Address> gils;  // the GILs' own structs
};

// Finds the runtime in the target's mapped files and confirms the layout: every interpreter's
// thread list points back to it. Errors: kNotPython; kUnsupported, naming the version;
// kImplausible with both numbers where the target contradicts the layout.
[[nodiscard]] Result<Runtime> find_runtime(const target::Target& target,
                                           const memory::Memory& memory);
// The same for a runtime whose place, number and file are known: reads `memory` alone.
[[nodiscard]] Result<Runtime> read_runtime(const memory::Memory& memory, Address at,
                                           std::uint32_t number, const Text& executable);

}  // namespace hangspy::python
