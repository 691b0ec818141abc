// Notes to facts, each note read only when it is wanted and only in the size that it may have.
#include "target/core_notes.hpp"

#include <sys/procfs.h>
#include <sys/user.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "elf/bounds.hpp"
#include "elf/notes.hpp"
#include "target/registers.hpp"

namespace hangspy::target {
namespace {

constexpr std::size_t kMaxThreads = 100'000;
constexpr std::uint32_t kMaxFileNote = 64 << 20;
constexpr std::uint32_t kMaxAuxiliary = 64 * 1024;

class NoteReader {
 public:
  explicit NoteReader(const elf::File& core) : core_(core) {}

  [[nodiscard]] Result<void> use(const elf::Note& note);
  [[nodiscard]] Result<CoreFacts> finish() &&;

 private:
  [[nodiscard]] Result<void> add_thread(const elf::Note& note);
  [[nodiscard]] Result<void> read_process(const elf::Note& note);
  [[nodiscard]] Result<void> read_files(const elf::Note& note);
  [[nodiscard]] Result<void> read_auxiliary(const elf::Note& note);
  [[nodiscard]] tl::unexpected<Error> damaged(const std::string& what) const {
    return fail(Failure::kFile, core_.name() + " is damaged: " + what);
  }
  template <class T>
  [[nodiscard]] Result<T> read_struct(const elf::Note& note, const char* name) const;

  const elf::File& core_;
  CoreFacts facts_;
  Tid process_ = 0;       // as NT_PRPSINFO says
  Tid first_thread_ = 0;  // the kernel writes the one that died first
};

template <class T>
Result<T> NoteReader::read_struct(const elf::Note& note, const char* name) const {
  if (note.size < sizeof(T)) {
    return damaged(std::string(name) + " of " + std::to_string(note.size) + " bytes");
  }
  T value{};
  HANGSPY_CHECK(core_.read(note.offset, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

Result<void> NoteReader::use(const elf::Note& note) {
  if (note.owner != "CORE") return {};
  switch (note.type) {
    case NT_PRSTATUS:
      return add_thread(note);
    case NT_PRPSINFO:
      return read_process(note);
    case NT_FILE:
      return read_files(note);
    case NT_AUXV:
      return read_auxiliary(note);
    default:
      return {};
  }
}

Result<void> NoteReader::add_thread(const elf::Note& note) {
  if (facts_.threads.size() == kMaxThreads) return damaged("too many threads");
  HANGSPY_TRY(status, read_struct<elf_prstatus>(note, "NT_PRSTATUS"));
  static_assert(sizeof(status.pr_reg) == sizeof(user_regs_struct));
  user_regs_struct registers{};
  std::memcpy(&registers, &status.pr_reg, sizeof(registers));
  if (status.pr_pid <= 0) return damaged("a thread with the id " + std::to_string(status.pr_pid));
  if (facts_.threads.empty()) first_thread_ = status.pr_pid;
  facts_.threads.push_back(state_of(status.pr_pid, registers));
  return {};
}

Result<void> NoteReader::read_process(const elf::Note& note) {
  HANGSPY_TRY(info, read_struct<elf_prpsinfo>(note, "NT_PRPSINFO"));
  process_ = info.pr_pid;
  return {};
}

// count, page size; count times begin, end, offset in pages; then count paths, each ended by NUL.
// The kernel writes 4096 for the page size and gdb's gcore 1, with offsets to match.
Result<void> NoteReader::read_files(const elf::Note& note) {
  using Word = std::uint64_t;
  if (note.size < 2 * sizeof(Word) || note.size > kMaxFileNote) {
    return damaged("NT_FILE of " + std::to_string(note.size) + " bytes");
  }
  std::vector<char> bytes(note.size);
  HANGSPY_CHECK(core_.read(note.offset, std::as_writable_bytes(std::span(bytes))));
  const auto word = [&](std::uint64_t index) {
    Word value = 0;
    std::memcpy(&value, bytes.data() + index * sizeof(Word), sizeof(Word));
    return value;
  };
  const Word count = word(0);
  const Word page_size = word(1);
  if (count > (bytes.size() - 2 * sizeof(Word)) / (3 * sizeof(Word))) {
    return damaged("NT_FILE with " + std::to_string(count) + " files");
  }
  std::string_view names(bytes.data(), bytes.size());
  names.remove_prefix((2 + 3 * count) * sizeof(Word));
  for (Word i = 0; i < count; ++i) {
    const std::size_t length = names.find('\0');
    if (length == std::string_view::npos) return damaged("a path in NT_FILE without an end");
    MappedFile file{{word(2 + 3 * i)}, {word(3 + 3 * i)}, 0, {}};
    if (file.end <= file.begin ||
        __builtin_mul_overflow(word(4 + 3 * i), page_size, &file.file_offset)) {
      return damaged("a file of NT_FILE at " + to_hex(file.begin));
    }
    file.path = Text::of_target(std::string(names.substr(0, length)));
    facts_.files.push_back(std::move(file));
    names.remove_prefix(length + 1);
  }
  return {};
}

Result<void> NoteReader::read_auxiliary(const elf::Note& note) {
  if (note.size > kMaxAuxiliary) return damaged("NT_AUXV is too long");
  std::vector<Elf64_auxv_t> entries(note.size / sizeof(Elf64_auxv_t));
  HANGSPY_CHECK(core_.read(note.offset, std::as_writable_bytes(std::span(entries))));
  for (const Elf64_auxv_t& entry : entries) {
    if (entry.a_type == AT_PHDR) facts_.program_headers = {entry.a_un.a_val};
  }
  return {};
}

Result<CoreFacts> NoteReader::finish() && {
  if (facts_.threads.empty()) return damaged("its notes name no thread");
  const auto same_tid = [](const ThreadState& a, const ThreadState& b) { return a.tid == b.tid; };
  std::ranges::sort(facts_.threads, {}, &ThreadState::tid);
  if (std::ranges::adjacent_find(facts_.threads, same_tid) != facts_.threads.end()) {
    return damaged("two threads have the same id");
  }
  const auto overlap = [](const MappedFile& a, const MappedFile& b) { return b.begin < a.end; };
  std::ranges::sort(facts_.files, {}, &MappedFile::begin);
  if (std::ranges::adjacent_find(facts_.files, overlap) != facts_.files.end()) {
    return damaged("two files are mapped to the same memory");
  }
  facts_.pid = process_ > 0 ? process_ : first_thread_;
  return std::move(facts_);
}

}  // namespace

Result<CoreFacts> read_core_notes(const elf::File& core, const elf::Headers& headers) {
  NoteReader reader(core);
  const elf::ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) {
    return core.read(offset, out);
  };
  const auto use = [&](const elf::Note& note) { return reader.use(note); };
  for (const Elf64_Phdr& each : headers.program) {
    if (each.p_type != PT_NOTE) continue;
    if (!elf::fits(core.size(), each.p_offset, each.p_filesz)) {
      return fail(Failure::kFile, core.name() + " was cut before the end of its notes",
                  "gcore writes the notes last, the kernel first: take the core again, and let the "
                  "dump finish");
    }
    HANGSPY_CHECK(elf::for_each_note(read, each.p_offset, each.p_filesz, each.p_align, use));
  }
  return std::move(reader).finish();
}

}  // namespace hangspy::target
