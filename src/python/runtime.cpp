#include "python/runtime.hpp"

#include <algorithm>
#include <array>
#include <set>

#include "elf/image.hpp"
#include "python/layouts/debug_offsets.hpp"

namespace hangspy::python {
namespace {

constexpr std::size_t kMaxInterpreters = 1'000;
constexpr std::size_t kMaxOtherImages = 512;  // looked at when no file is called python

struct Found {
  std::unique_ptr<elf::Image> image;
  std::uint64_t bias = 0;
  Text path;
  Address runtime;
};

bool called_python(std::string_view path) {
  const auto name = path.substr(path.rfind('/') + 1);
  return name.starts_with("python3") || name.starts_with("libpython3") || name == "python";
}

// The runtime in the image behind one mapping; nothing when the image has none.
Result<std::optional<Found>> look_into(const target::Target& target, const memory::Memory& memory,
                                       const target::Mapping& mapping) {
  HANGSPY_TRY(path, target.file_behind(mapping));
  HANGSPY_TRY(image, elf::Image::open(path));
  HANGSPY_TRY(symbol, image->symbol("_PyRuntime"));
  if (!symbol) return std::optional<Found>{};
  const auto mapped = elf::build_id_in_memory(memory, mapping.begin);
  if (mapped && *mapped && image->build_id() && **mapped != *image->build_id()) {
    return fail(Failure::kFile, "the file of the interpreter is not the one that is mapped",
                "give the right files with --sysroot, or as the second argument");
  }
  const auto first = image->segments().front().address.value & ~(target::kPageSize - 1);
  Found found{nullptr, mapping.begin.value - first, mapping.path, {}};
  found.runtime = symbol->address + found.bias;
  found.image = std::move(image);
  return std::optional<Found>{std::move(found)};
}

// The first mapping of each file, those called python first.
std::vector<const target::Mapping*> images(const target::Target& target) {
  std::vector<const target::Mapping*> first, others;
  std::set<Text> seen;
  for (const auto& mapping : target.mappings()) {
    if (mapping.path.empty() || mapping.file_offset != 0 ||
        !mapping.path.bytes().starts_with('/') || !seen.insert(mapping.path).second) {
      continue;
    }
    (called_python(mapping.path.bytes()) ? first : others).push_back(&mapping);
  }
  if (others.size() > kMaxOtherImages) others.resize(kMaxOtherImages);
  first.insert(first.end(), others.begin(), others.end());
  return first;
}

Result<Found> locate(const target::Target& target, const memory::Memory& memory) {
  std::optional<Error> failed;
  for (const auto* mapping : images(target)) {
    auto found = look_into(target, memory, *mapping);
    if (found && *found) return std::move(**found);
    if (!found && called_python(mapping->path.bytes()) && !failed) failed = found.error();
  }
  if (failed) return tl::unexpected(*failed);
  return fail(Failure::kNotPython, "process " + std::to_string(target.pid()) + " is not CPython",
              "give the pid of a Python worker");
}

// Py_Version: major, minor, micro, level and serial in one constant (Python/getversion.c). It came
// with 3.11; before, the file's own name is all there is to name the version by.
Result<std::uint32_t> version_word(const Found& found) {
  HANGSPY_TRY(symbol, found.image->symbol("Py_Version"));
  if (!symbol) {
    const auto path = found.path.bytes();
    const auto at = path.rfind("python3.");
    const auto minor =
        at == std::string_view::npos ? 0 : std::atoi(std::string(path.substr(at + 8)).c_str());
    HANGSPY_TRY(none, layouts::layout_of(3, minor, false));
    static_cast<void>(none);
    return fail(Failure::kNotPython, "the interpreter does not say which version it is");
  }
  return memory::read_as<std::uint32_t>(*found.image, symbol->address);
}

std::string dotted(std::uint32_t version) {
  return std::to_string(version >> 24) + "." + std::to_string(version >> 16 & 0xff) + "." +
         std::to_string(version >> 8 & 0xff);
}

Result<void> read_interpreters(const memory::Memory& memory, Address runtime_at, Runtime& runtime) {
  const auto& layout = runtime.build.layout;
  HANGSPY_TRY(
      next, memory::read_as<std::uint64_t>(memory, runtime_at + layout.runtime.interpreters_head));
  while (next != 0) {
    if (runtime.interpreters.size() == kMaxInterpreters) {
      return fail(Failure::kLimit, "more than 1,000 interpreters");
    }
    const Address interpreter{next};
    runtime.interpreters.push_back(interpreter);
    HANGSPY_TRY(thread, memory::read_as<std::uint64_t>(
                            memory, interpreter + layout.interpreter.threads_head));
    if (thread != 0) {
      HANGSPY_TRY(owner, memory::read_as<std::uint64_t>(
                             memory, Address{thread} + layout.thread.interpreter));
      if (owner != next) {
        return fail(Failure::kImplausible,
                    "the layout of CPython " + runtime.version +
                        " does not fit: the first thread of the interpreter at " +
                        to_hex(interpreter) + " belongs to " + to_hex({owner}));
      }
    }
    if (layout.interpreter.gil_pointer != layouts::kAbsent) {
      HANGSPY_TRY(gil, memory::read_as<std::uint64_t>(
                           memory, interpreter + layout.interpreter.gil_pointer));
      if (gil != 0) runtime.gils.push_back({gil});
    }
    HANGSPY_TRY(after,
                memory::read_as<std::uint64_t>(memory, interpreter + layout.interpreter.next));
    next = after;
  }
  if (runtime.interpreters.empty()) {
    return fail(Failure::kNotPython, "the process has not started its Python interpreter");
  }
  if (layout.runtime.gil != layouts::kAbsent)
    runtime.gils.push_back(runtime_at + layout.runtime.gil);
  return {};
}

// What the target says of its own structs replaces the table where it speaks (3.13 and later).
Result<void> choose_layout(const memory::Memory& memory, Address runtime_at, std::uint32_t version,
                           Runtime& runtime) {
  const auto major = static_cast<int>(version >> 24);
  const auto minor = static_cast<int>(version >> 16 & 0xff);
  std::array<std::byte, layouts::DebugOffsets::kSize> head{};
  HANGSPY_CHECK(memory.read(runtime_at, head));
  runtime.layout = "table of CPython " + std::to_string(major) + "." + std::to_string(minor);
  if (!layouts::DebugOffsets::is_at(head)) {
    HANGSPY_TRY(build, layouts::layout_of(major, minor, false));
    runtime.build = build;
    return {};
  }
  HANGSPY_TRY(own, layouts::DebugOffsets::parse(head));
  HANGSPY_TRY(build, layouts::layout_of(own.major(), own.minor(), own.free_threaded()));
  HANGSPY_TRY(layout, own.over(build.layout));
  runtime.build = build;
  runtime.build.layout = layout;
  runtime.layout += " with the target's own offsets";
  return {};
}

}  // namespace

Result<Runtime> find_runtime(const target::Target& target, const memory::Memory& memory) {
  HANGSPY_TRY(found, locate(target, memory));
  HANGSPY_TRY(number, version_word(found));
  return read_runtime(memory, found.runtime, number, found.path);
}

Result<Runtime> read_runtime(const memory::Memory& memory, Address at, std::uint32_t number,
                             const Text& executable) {
  Runtime runtime;
  runtime.at = at;
  runtime.number = number;
  runtime.version = dotted(number);
  runtime.executable = executable;
  HANGSPY_CHECK(choose_layout(memory, at, number, runtime));
  HANGSPY_CHECK(read_interpreters(memory, at, runtime));
  runtime.layout += ", confirmed by its interpreter's thread list";
  return runtime;
}

}  // namespace hangspy::python
