#include "python/layouts/debug_offsets.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>
#include <string_view>

namespace hangspy::python::layouts {
namespace {

constexpr std::string_view kCookie = "xdebugpy";
constexpr std::uint64_t kMaxOffset = 1U << 20;  // the runtime is the largest of them, 280 KB

static_assert(sizeof(Layout) % sizeof(Offset) == 0, "a Layout is nothing but offsets");

enum class Use : std::uint8_t {
  kTake,     // the target's number replaces the table's
  kCompare,  // the struct never moved, so the target must agree with the table
};

// A word of _Py_DebugOffsets, and the field of Layout that it is.
struct Row {
  std::size_t word;
  std::string_view name;
  std::size_t field;      // where it lies in Layout
  std::size_t size_word;  // the word that says how large its struct is; its own for a size
  Use use;
};

// Words of the sizes, each the first of its group.
constexpr std::size_t kRuntime = 3, kInterpreter = 6, kThread = 19, kFrame = 28, kCode = 34,
                      kObject = 44, kType = 46, kTuple = 50, kList = 53, kDict = 56, kFloat = 59,
                      kLong = 61, kBytes = 64, kString = 67;
constexpr std::size_t kWords = DebugOffsets::kSize / sizeof(std::uint64_t);
constexpr std::size_t kGil = 15, kGilLocked = 17, kGilHolder = 18;  // all from the interpreter

constexpr auto kRows = std::to_array<Row>({
    {kRuntime, "runtime.size", offsetof(Layout, runtime.size), kRuntime, Use::kTake},
    {5, "runtime.interpreters_head", offsetof(Layout, runtime.interpreters_head), kRuntime,
     Use::kTake},
    {kInterpreter, "interpreter.size", offsetof(Layout, interpreter.size), kInterpreter,
     Use::kTake},
    {7, "interpreter.id", offsetof(Layout, interpreter.id), kInterpreter, Use::kTake},
    {8, "interpreter.next", offsetof(Layout, interpreter.next), kInterpreter, Use::kTake},
    {9, "interpreter.threads_head", offsetof(Layout, interpreter.threads_head), kInterpreter,
     Use::kTake},
    {11, "interpreter.modules", offsetof(Layout, interpreter.modules), kInterpreter, Use::kTake},
    {14, "interpreter.gil_pointer", offsetof(Layout, interpreter.gil_pointer), kInterpreter,
     Use::kTake},
    {kGil, "interpreter.own_gil", offsetof(Layout, interpreter.own_gil), kInterpreter, Use::kTake},
    {kThread, "thread.size", offsetof(Layout, thread.size), kThread, Use::kTake},
    // `dict` and `context` lie between these and are not mentioned: they are right only if
    // nothing before the end of the thread state moved.
    {21, "thread.next", offsetof(Layout, thread.next), kThread, Use::kCompare},
    {22, "thread.interpreter", offsetof(Layout, thread.interpreter), kThread, Use::kCompare},
    {23, "thread.current_frame", offsetof(Layout, thread.current_frame), kThread, Use::kCompare},
    {24, "thread.thread_id", offsetof(Layout, thread.thread_id), kThread, Use::kCompare},
    {25, "thread.native_thread_id", offsetof(Layout, thread.native_thread_id), kThread,
     Use::kCompare},
    {kFrame, "frame.size", offsetof(Layout, frame.size), kFrame, Use::kCompare},
    {29, "frame.previous", offsetof(Layout, frame.previous), kFrame, Use::kCompare},
    {30, "frame.executable", offsetof(Layout, frame.executable), kFrame, Use::kCompare},
    {31, "frame.instruction", offsetof(Layout, frame.instruction), kFrame, Use::kCompare},
    {32, "frame.locals", offsetof(Layout, frame.locals), kFrame, Use::kCompare},
    {33, "frame.owner", offsetof(Layout, frame.owner), kFrame, Use::kCompare},
    {kCode, "code.size", offsetof(Layout, code.size), kCode, Use::kCompare},
    {35, "code.file_name", offsetof(Layout, code.file_name), kCode, Use::kCompare},
    {36, "code.name", offsetof(Layout, code.name), kCode, Use::kCompare},
    {37, "code.qualified_name", offsetof(Layout, code.qualified_name), kCode, Use::kCompare},
    {38, "code.line_table", offsetof(Layout, code.line_table), kCode, Use::kCompare},
    {39, "code.first_line", offsetof(Layout, code.first_line), kCode, Use::kCompare},
    {41, "code.local_names", offsetof(Layout, code.local_names), kCode, Use::kCompare},
    {42, "code.local_kinds", offsetof(Layout, code.local_kinds), kCode, Use::kCompare},
    {43, "code.bytecode", offsetof(Layout, code.bytecode), kCode, Use::kCompare},
    {kObject, "object.size", offsetof(Layout, object.size), kObject, Use::kCompare},
    {45, "object.type", offsetof(Layout, object.type), kObject, Use::kCompare},
    {kType, "type.size", offsetof(Layout, type.size), kType, Use::kCompare},
    {47, "type.name", offsetof(Layout, type.name), kType, Use::kCompare},
    {49, "type.flags", offsetof(Layout, type.flags), kType, Use::kCompare},
    {51, "tuple.items", offsetof(Layout, tuple.items), kTuple, Use::kCompare},
    {52, "variable_object.item_count", offsetof(Layout, variable_object.item_count), kTuple,
     Use::kCompare},
    {54, "list.items", offsetof(Layout, list.items), kList, Use::kCompare},
    {kDict, "dict.size", offsetof(Layout, dict.size), kDict, Use::kCompare},
    {57, "dict.keys", offsetof(Layout, dict.keys), kDict, Use::kCompare},
    {58, "dict.values", offsetof(Layout, dict.values), kDict, Use::kCompare},
    {60, "float.value", offsetof(Layout, floating.value), kFloat, Use::kCompare},
    {62, "integer.tag", offsetof(Layout, integer.tag), kLong, Use::kCompare},
    {63, "integer.digits", offsetof(Layout, integer.digits), kLong, Use::kCompare},
    {66, "bytes.data", offsetof(Layout, bytes.data), kBytes, Use::kCompare},
    {68, "string.state", offsetof(Layout, string.state), kString, Use::kCompare},
    {69, "string.length", offsetof(Layout, string.length), kString, Use::kCompare},
    {70, "string.ascii_size", offsetof(Layout, string.ascii_size), kString, Use::kCompare},
});
std::uint64_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

Offset get(const Layout& layout, const Row& row) {
  Offset value = 0;
  std::memcpy(&value, reinterpret_cast<const std::byte*>(&layout) + row.field, sizeof value);
  return value;
}

void set(Layout& layout, const Row& row, std::uint64_t word) {
  const auto value = static_cast<Offset>(word);
  std::memcpy(reinterpret_cast<std::byte*>(&layout) + row.field, &value, sizeof value);
}

tl::unexpected<Error> contradiction(std::string_view name, std::uint64_t target,
                                    std::uint64_t table) {
  return fail(Failure::kUnsupported,
              "the target's _Py_DebugOffsets say " + std::string(name) + " is " +
                  std::to_string(target) + ", the layout known here says " + std::to_string(table),
              "report this with the output of `python -VV`");
}

tl::unexpected<Error> out_of_bounds(std::string_view name, std::uint64_t value,
                                    std::uint64_t limit) {
  return fail(Failure::kImplausible, "the target's _Py_DebugOffsets say " + std::string(name) +
                                         " is " + std::to_string(value) + ", not below " +
                                         std::to_string(limit));
}

// Every struct is smaller than 1 MiB, and every field lies inside its struct.
Result<void> check_plausible(std::span<const std::uint64_t> words) {
  for (const auto& row : kRows) {
    const auto value = words[row.word];
    const auto limit = row.word == row.size_word ? kMaxOffset : words[row.size_word];
    if (value >= limit) return out_of_bounds(row.name, value, limit);
  }
  for (const auto word : {kGilLocked, kGilHolder}) {
    const auto within = words[word] - words[kGil];  // wraps, and is then out of bounds
    if (within >= words[kInterpreter]) {
      return out_of_bounds("a field of the GIL", words[word], words[kInterpreter]);
    }
  }
  return {};
}

}  // namespace

bool DebugOffsets::is_at(std::span<const std::byte> bytes) {
  return bytes.size() >= kCookie.size() &&
         std::memcmp(bytes.data(), kCookie.data(), kCookie.size()) == 0;
}

Result<DebugOffsets> DebugOffsets::parse(std::span<const std::byte> bytes) {
  if (!is_at(bytes)) return fail(Failure::kNotPython, "no _Py_DebugOffsets: the cookie is missing");
  if (bytes.size() < kHeaderSize)
    return fail(Failure::kImplausible, "_Py_DebugOffsets are cut off");
  DebugOffsets offsets;
  offsets.version_ = word_at(bytes, kCookie.size());
  const auto free_threaded = word_at(bytes, 2 * sizeof(std::uint64_t));
  if (free_threaded > 1) return out_of_bounds("free_threaded", free_threaded, 2);
  offsets.free_threaded_ = free_threaded == 1;
  if (offsets.major() != 3 || offsets.minor() != 13) return offsets;
  if (bytes.size() < kSize) {
    return fail(Failure::kImplausible, "_Py_DebugOffsets of 3.13 take " + std::to_string(kSize) +
                                           " bytes, here are " + std::to_string(bytes.size()));
  }
  for (std::size_t i = 0; i < kWords; ++i) {
    offsets.words_.push_back(word_at(bytes, i * sizeof(std::uint64_t)));
  }
  HANGSPY_CHECK(check_plausible(offsets.words_));
  return offsets;
}

Result<Layout> DebugOffsets::over(const Layout& table) const {
  if (words_.empty()) {
    return fail(Failure::kUnsupported, "_Py_DebugOffsets of CPython " + std::to_string(major()) +
                                           "." + std::to_string(minor()) + " are not known here");
  }
  Layout layout = table;
  for (const auto& row : kRows) {
    const auto known = get(table, row);
    if (row.use == Use::kCompare && words_[row.word] != known) {
      return contradiction(row.name, words_[row.word], known);
    }
    set(layout, row, words_[row.word]);
  }
  // asyncio_running_loop is the first field behind the thread state (Include/internal/
  // pycore_tstate.h, _PyThreadStateImpl, 3.13).
  layout.thread.running_loop = layout.thread.size;
  layout.gil.last_holder = static_cast<Offset>(words_[kGilHolder] - words_[kGil]);
  layout.gil.locked = static_cast<Offset>(words_[kGilLocked] - words_[kGil]);
  // What stands behind the list of interpreters moved with it, by an unknown amount.
  if (layout.runtime.interpreters_head != table.runtime.interpreters_head) {
    layout.runtime.autotss_key = kAbsent;
  }
  return layout;
}

}  // namespace hangspy::python::layouts
