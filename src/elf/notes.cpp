// One note after the other, each within its segment: sizes are 32 bits and sums 64, so none wraps.
#include "elf/notes.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "elf/bounds.hpp"

namespace hangspy::elf {
namespace {

// A thread leaves about six notes in a core, so this is the bound of 100,000 threads and more.
constexpr std::size_t kMaxNotes = 1 << 20;

Result<std::string> read_owner(const ReadAt& read, std::uint64_t offset, std::uint32_t size) {
  std::array<char, 16> owner{};
  if (size > owner.size()) return std::string();
  HANGSPY_CHECK(read(offset, std::as_writable_bytes(std::span(owner).first(size))));
  return std::string(owner.begin(), std::find(owner.begin(), owner.begin() + size, '\0'));
}

}  // namespace

Result<void> for_each_note(const ReadAt& read, std::uint64_t offset, std::uint64_t size,
                           std::uint64_t alignment,
                           const std::function<Result<void>(const Note&)>& use) {
  if (!fits(UINT64_MAX, offset, size)) return fail(Failure::kFile, "notes at no possible offset");
  const std::uint64_t step = alignment == 8 ? 8 : 4;
  std::uint64_t at = 0;
  for (std::size_t count = 0; fits(size, at, sizeof(Elf64_Nhdr)); ++count) {
    if (count == kMaxNotes) return fail(Failure::kFile, "more than a million notes");
    Elf64_Nhdr header{};
    HANGSPY_CHECK(read(offset + at, std::as_writable_bytes(std::span(&header, 1))));
    const std::uint64_t name = at + sizeof(header);
    const std::uint64_t description = round_up(name + header.n_namesz, step);
    if (!fits(size, description, header.n_descsz)) {
      return fail(Failure::kFile,
                  "the note at byte " + std::to_string(offset + at) + " goes past its segment");
    }
    HANGSPY_TRY(owner, read_owner(read, offset + name, header.n_namesz));
    HANGSPY_CHECK(use({std::move(owner), header.n_type, offset + description, header.n_descsz}));
    at = round_up(description + header.n_descsz, step);
  }
  return {};
}

}  // namespace hangspy::elf
