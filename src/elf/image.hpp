// An executable or shared object on disk: where its segments lie, its build id, its symbols and
// sections by name, and its bytes. Read with libelf, and only what is asked for: the debug
// sections of a python build are a hundred megabytes that no question here needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "elf/build_id.hpp"
#include "elf/file.hpp"
#include "elf/headers.hpp"
#include "hangspy/result.hpp"
#include "memory/memory.hpp"

struct Elf;

namespace hangspy::elf {

// One PT_LOAD: where it goes in memory, and which bytes of the file it has. Addresses are those
// the linker gave: add the load bias (base of the mapping - segments().front().address, both
// rounded down to pages) for the target's.
struct Segment {
  Address address;
  std::uint64_t memory_size = 0;
  std::uint64_t file_offset = 0;
  std::uint64_t file_size = 0;
  bool writable = false;
  bool executable = false;
};

// Where something named lies, at the linker's address, and how many bytes it has.
struct Place {
  Address address;
  std::uint64_t size = 0;
};

class Image final : public memory::Memory {
 public:
  // Errors: kFile (not an ELF image for x86-64, larger than 4 GB, damaged), kPermission.
  [[nodiscard]] static Result<std::unique_ptr<Image>> open(const std::filesystem::path& path);
  ~Image() override;

  // ET_EXEC (its addresses are final) or ET_DYN.
  [[nodiscard]] std::uint16_t type() const { return headers_.type; }
  [[nodiscard]] std::uint16_t machine() const { return headers_.machine; }
  // Empty when the linker wrote none.
  [[nodiscard]] const std::optional<BuildId>& build_id() const { return build_id_; }
  // Sorted by address, at least one.
  [[nodiscard]] const std::vector<Segment>& segments() const { return segments_; }

  // A defined symbol, of the dynamic symbols or else of the static ones. Empty when there is no
  // such symbol. Errors: kFile when the tables are damaged.
  [[nodiscard]] Result<std::optional<Place>> symbol(std::string_view name) const;
  // A section by name; its address is 0 when it is not loaded. Empty when there is none. Errors:
  // kFile.
  [[nodiscard]] Result<std::optional<Place>> section(std::string_view name) const;

  // The file's bytes at a linker's address. What the loader would zero is not in the file.
  // Errors: kUnmapped, kFile.
  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override;

 private:
  explicit Image(File file);
  [[nodiscard]] Result<void> load();
  [[nodiscard]] Result<void> load_segments();
  [[nodiscard]] Result<std::optional<Place>> symbol_in(std::uint32_t table_type,
                                                       std::string_view name) const;

  File file_;
  Headers headers_;
  std::vector<Segment> segments_;
  std::optional<BuildId> build_id_;
  Elf* elf_ = nullptr;
};

}  // namespace hangspy::elf
