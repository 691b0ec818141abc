// Build ids from files and from memory; the two differ only in where a segment lies.
#include "elf/build_id.hpp"

#include <array>
#include <span>
#include <string>

#include "elf/notes.hpp"

namespace hangspy::elf {
namespace {

// Linkers write 20 bytes (SHA-1), 16 or 8; whoever sets it by hand may write more.
constexpr std::uint32_t kMaxBuildId = 64;
constexpr std::uint64_t kMaxNoteSegment = std::uint64_t{64} * 1024;
// The program headers must lie in the pages that are mapped at the image's start.
constexpr std::uint32_t kMaxImageHeaders = 1024;

}  // namespace

Result<std::optional<BuildId>> find_build_id(
    const ReadAt& read, const Headers& headers,
    const std::function<std::uint64_t(const Elf64_Phdr&)>& place) {
  std::optional<BuildId> found;
  const auto use = [&](const Note& note) -> Result<void> {
    if (found || note.owner != ELF_NOTE_GNU || note.type != NT_GNU_BUILD_ID) return {};
    if (note.size == 0 || note.size > kMaxBuildId) {
      return fail(Failure::kFile, "a build id of " + std::to_string(note.size) + " bytes");
    }
    BuildId id(note.size);
    HANGSPY_CHECK(read(note.offset, id));
    found = std::move(id);
    return {};
  };
  for (const Elf64_Phdr& segment : headers.program) {
    if (segment.p_type != PT_NOTE || segment.p_filesz > kMaxNoteSegment) continue;
    HANGSPY_CHECK(for_each_note(read, place(segment), segment.p_filesz, segment.p_align, use));
    if (found) break;
  }
  return found;
}

Result<std::optional<BuildId>> build_id_in_memory(const memory::Memory& memory,
                                                  Address image_base) {
  const ReadAt read = [&](std::uint64_t offset, std::span<std::byte> out) {
    return memory.read(image_base + offset, out);
  };
  HANGSPY_TRY(headers, read_headers(read, "the image at " + to_hex(image_base), kMaxImageHeaders));
  // The image's start is where its first byte of file would lie (0, or 0x400000 when not PIE).
  std::uint64_t start = 0;
  for (const Elf64_Phdr& segment : headers.program) {
    if (segment.p_type != PT_LOAD) continue;
    start = segment.p_vaddr - segment.p_offset;
    break;
  }
  return find_build_id(read, headers,
                       [&](const Elf64_Phdr& segment) { return segment.p_vaddr - start; });
}

}  // namespace hangspy::elf
