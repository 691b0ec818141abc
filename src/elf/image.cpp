// Images through libelf. libelf trusts sizes more than we may, so what it is going to read is
// compared with the file's size and with a bound of ours first, and every return value is checked.
#include "elf/image.hpp"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "elf/bounds.hpp"

namespace hangspy::elf {
namespace {

constexpr std::uint64_t kMaxFile = std::uint64_t{4} << 30;
// The largest symbol table of a python build measured is 4 MB; of a static one with all its
// extensions, 12 MB.
constexpr std::uint64_t kMaxTable = std::uint64_t{128} << 20;
constexpr std::uint32_t kMaxSegments = 4096;

tl::unexpected<Error> damaged(const File& file, const std::string& what) {
  return fail(Failure::kFile, file.name() + " is damaged: " + what);
}

std::string libelf_says() {
  const char* message = ::elf_errmsg(-1);
  return message == nullptr ? "unknown reason" : message;
}

// The bytes of a section, once its bounds are known to be sane.
Result<std::span<const char>> contents(const File& file, Elf_Scn* section,
                                       const GElf_Shdr& header) {
  if (header.sh_type == SHT_NOBITS || (header.sh_flags & SHF_COMPRESSED) != 0 ||
      header.sh_size > kMaxTable || !fits(file.size(), header.sh_offset, header.sh_size)) {
    return damaged(file, "a symbol table of " + std::to_string(header.sh_size) + " bytes");
  }
  const Elf_Data* data = ::elf_getdata(section, nullptr);
  if (data == nullptr) return damaged(file, libelf_says());
  if (data->d_buf == nullptr) return std::span<const char>();
  return std::span(static_cast<const char*>(data->d_buf), data->d_size);
}

// Whether `name` stands at `offset` of a string table, ended by its NUL.
bool is_name(std::span<const char> strings, std::uint64_t offset, std::string_view name) {
  if (!fits(strings.size(), offset, name.size() + 1)) return false;
  const char* at = strings.data() + offset;
  return std::memcmp(at, name.data(), name.size()) == 0 && at[name.size()] == '\0';
}

Result<std::span<const char>> strings_of(const File& file, Elf* elf, std::size_t index) {
  Elf_Scn* section = ::elf_getscn(elf, index);
  GElf_Shdr header{};
  if (section == nullptr || ::gelf_getshdr(section, &header) == nullptr) {
    return damaged(file, libelf_says());
  }
  if (header.sh_type != SHT_STRTAB) return damaged(file, "its names are in no string table");
  return contents(file, section, header);
}

}  // namespace

Image::Image(File file) : file_(std::move(file)) {}

Image::~Image() {
  if (elf_ != nullptr) ::elf_end(elf_);
}

Result<std::unique_ptr<Image>> Image::open(const std::filesystem::path& path) {
  HANGSPY_TRY(file, File::open(path));
  if (file.size() > kMaxFile) {
    return fail(Failure::kFile, file.name() + " is larger than any python");
  }
  std::unique_ptr<Image> image(new Image(std::move(file)));
  HANGSPY_CHECK(image->load());
  return image;
}

Result<void> Image::load() {
  const ReadAt read = [this](std::uint64_t offset, std::span<std::byte> out) {
    return file_.read(offset, out);
  };
  HANGSPY_TRY(headers, read_headers(read, file_.name(), kMaxSegments));
  headers_ = std::move(headers);
  if (headers_.type != ET_EXEC && headers_.type != ET_DYN) {
    return fail(Failure::kFile, file_.name() + " is neither a program nor a shared object");
  }
  HANGSPY_CHECK(load_segments());
  const auto in_file = [](const Elf64_Phdr& segment) { return segment.p_offset; };
  HANGSPY_TRY(id, find_build_id(read, headers_, in_file));
  build_id_ = std::move(id);
  if (::elf_version(EV_CURRENT) == EV_NONE) return damaged(file_, libelf_says());
  elf_ = ::elf_begin(file_.descriptor(), ELF_C_READ, nullptr);
  if (elf_ == nullptr || ::elf_kind(elf_) != ELF_K_ELF) return damaged(file_, libelf_says());
  return {};
}

Result<void> Image::load_segments() {
  for (const Elf64_Phdr& each : headers_.program) {
    if (each.p_type != PT_LOAD || each.p_memsz == 0) continue;
    if (each.p_filesz > each.p_memsz || !fits(file_.size(), each.p_offset, each.p_filesz) ||
        !fits(UINT64_MAX, each.p_vaddr, each.p_memsz)) {
      return damaged(file_, "its segment for " + to_hex({each.p_vaddr}) + " is out of bounds");
    }
    segments_.push_back({{each.p_vaddr},
                         each.p_memsz,
                         each.p_offset,
                         each.p_filesz,
                         (each.p_flags & PF_W) != 0,
                         (each.p_flags & PF_X) != 0});
  }
  if (segments_.empty()) return damaged(file_, "it has no segment to load");
  std::sort(segments_.begin(), segments_.end(),
            [](const Segment& a, const Segment& b) { return a.address < b.address; });
  return {};
}

Result<std::optional<Place>> Image::symbol(std::string_view name) const {
  for (const auto type : {std::uint32_t{SHT_DYNSYM}, std::uint32_t{SHT_SYMTAB}}) {
    HANGSPY_TRY(place, symbol_in(type, name));
    if (place) return place;
  }
  return std::optional<Place>();
}

Result<std::optional<Place>> Image::symbol_in(std::uint32_t table_type,
                                              std::string_view name) const {
  for (Elf_Scn* table = nullptr; (table = ::elf_nextscn(elf_, table)) != nullptr;) {
    GElf_Shdr header{};
    if (::gelf_getshdr(table, &header) == nullptr) return damaged(file_, libelf_says());
    if (header.sh_type != table_type) continue;
    if (header.sh_entsize != sizeof(Elf64_Sym)) return damaged(file_, "symbols of another size");
    HANGSPY_TRY(strings, strings_of(file_, elf_, header.sh_link));
    HANGSPY_TRY(bytes, contents(file_, table, header));
    for (std::size_t at = 0; fits(bytes.size(), at, sizeof(Elf64_Sym)); at += sizeof(Elf64_Sym)) {
      Elf64_Sym symbol{};
      std::memcpy(&symbol, bytes.data() + at, sizeof(symbol));
      if (symbol.st_shndx == SHN_UNDEF || !is_name(strings, symbol.st_name, name)) continue;
      return Place{{symbol.st_value}, symbol.st_size};
    }
  }
  return std::optional<Place>();
}

Result<std::optional<Place>> Image::section(std::string_view name) const {
  std::size_t names_index = 0;
  if (::elf_getshdrstrndx(elf_, &names_index) != 0) return damaged(file_, libelf_says());
  if (names_index == SHN_UNDEF) return std::optional<Place>();
  HANGSPY_TRY(names, strings_of(file_, elf_, names_index));
  for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf_, section)) != nullptr;) {
    GElf_Shdr header{};
    if (::gelf_getshdr(section, &header) == nullptr) return damaged(file_, libelf_says());
    if (is_name(names, header.sh_name, name)) return Place{{header.sh_addr}, header.sh_size};
  }
  return std::optional<Place>();
}

Result<void> Image::read(Address at, std::span<std::byte> out) const {
  for (const Segment& segment : segments_) {
    if (at < segment.address) break;
    const std::uint64_t offset = at.value - segment.address.value;
    if (!fits(segment.file_size, offset, out.size())) continue;
    return file_.read(segment.file_offset + offset, out);
  }
  return fail(Failure::kUnmapped, file_.name() + " has no bytes for " + to_hex(at));
}

}  // namespace hangspy::elf
