// Reads and judges ELF headers. Every number in them is somebody else's.
#include "elf/headers.hpp"

#include <algorithm>
#include <cstring>

namespace hangspy::elf {
namespace {

template <class T>
Result<T> read_one(const ReadAt& read, std::uint64_t offset) {
  T value{};
  HANGSPY_CHECK(read(offset, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

Result<void> check_kind(const Elf64_Ehdr& header, const std::string& name) {
  if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return fail(Failure::kFile, name + " is not an ELF file");
  }
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_X86_64) {
    return fail(Failure::kFile, name + " is for another machine (class " +
                                    std::to_string(header.e_ident[EI_CLASS]) + ", machine " +
                                    std::to_string(header.e_machine) + "), not 64-bit x86-64");
  }
  if (header.e_phnum != 0 && header.e_phentsize != sizeof(Elf64_Phdr)) {
    return fail(Failure::kFile,
                name + " has program headers of " + std::to_string(header.e_phentsize) + " bytes");
  }
  return {};
}

// With 0xffff program headers or more, the count is in the first section header (elf(5), PN_XNUM).
Result<std::uint32_t> program_header_count(const ReadAt& read, const Elf64_Ehdr& header,
                                           const std::string& name) {
  if (header.e_phnum != PN_XNUM) return header.e_phnum;
  if (header.e_shoff == 0) {
    return fail(Failure::kFile, name + " does not say how many program headers it has");
  }
  HANGSPY_TRY(first, read_one<Elf64_Shdr>(read, header.e_shoff));
  return first.sh_info;
}

}  // namespace

Result<Headers> read_headers(const ReadAt& read, const std::string& name,
                             std::uint32_t max_program_headers) {
  HANGSPY_TRY(header, read_one<Elf64_Ehdr>(read, 0));
  HANGSPY_CHECK(check_kind(header, name));
  HANGSPY_TRY(count, program_header_count(read, header, name));
  if (count > max_program_headers) {
    return fail(Failure::kFile, name + " claims " + std::to_string(count) + " program headers");
  }
  Headers headers{header.e_type, header.e_machine, {}};
  // In blocks, so that memory is used only for what is really there.
  constexpr std::uint32_t kBlock = 1024;
  std::uint64_t offset = header.e_phoff;
  for (std::uint32_t done = 0; done < count;) {
    const std::uint32_t now = std::min(kBlock, count - done);
    headers.program.resize(done + now);
    const auto bytes = std::as_writable_bytes(std::span(headers.program).subspan(done));
    if (offset + bytes.size() < offset) {
      return fail(Failure::kFile, name + " has its program headers at no possible offset");
    }
    HANGSPY_CHECK(read(offset, bytes));
    offset += bytes.size();
    done += now;
  }
  return headers;
}

}  // namespace hangspy::elf
