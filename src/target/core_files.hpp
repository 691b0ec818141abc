// The files that a core left out: code and constants, which are the same on disk.
//
// Only a file with the very build id that the core's own memory shows may stand in, and of it only
// what the loader maps read-only: a writable part was relocated and changed since.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "elf/image.hpp"
#include "hangspy/result.hpp"
#include "hangspy/target.hpp"
#include "target/core_memory.hpp"
#include "target/core_notes.hpp"
#include "target/rooted_files.hpp"

namespace hangspy::target {

class CoreFiles {
 public:
  // `memory` and `facts` must outlive this.
  CoreFiles(const CoreOptions& options, const CoreMemory& memory, const CoreFacts& facts);

  // As Target::file_behind and file_at.
  [[nodiscard]] Result<std::filesystem::path> find(const Text& path) const;

  // The page at `at` of the file that was mapped there. Errors: kUnmapped, kFile.
  [[nodiscard]] Result<void> read_page(Address at, std::span<std::byte> out) const;

 private:
  // A file that was opened and compared, or why it may not stand in.
  struct Standin {
    std::optional<elf::File> file;
    std::vector<elf::Segment> segments;
    Error refusal;
  };

  // The mapping of the first byte of the same file, from which its addresses count.
  [[nodiscard]] const MappedFile* start_of(const MappedFile& mapped) const;
  [[nodiscard]] const Standin& standin_for(const MappedFile& start) const;
  [[nodiscard]] Result<Standin> open_matching(const MappedFile& start) const;
  [[nodiscard]] Result<void> compare(const MappedFile& start, const elf::Image& image) const;

  const CoreMemory& memory_;
  const CoreFacts& facts_;
  std::optional<std::filesystem::path> executable_;
  Text executable_path_;  // as the core names it; empty when it does not say
  RootedFiles rooted_;
  std::vector<const MappedFile*> starts_;        // of each of facts_.files
  mutable std::map<Address, Standin> standins_;  // by the address of the start
};

// The mapped file that covers `at`, or null.
[[nodiscard]] const MappedFile* file_at_address(const std::vector<MappedFile>& files, Address at);

}  // namespace hangspy::target
