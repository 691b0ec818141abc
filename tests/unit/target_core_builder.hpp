// Cores for tests: files in a directory that goes away, and a builder of cores by hand, for what
// no honest writer writes.
#pragma once

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/procfs.h>
#include <sys/user.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hangspy/target.hpp"

namespace hangspy::target {

using Bytes = std::vector<char>;

class ScratchDirectory {
 public:
  ScratchDirectory() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] std::string write(const Bytes& bytes) const {
    std::ofstream(file("core"), std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file("core");
  }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "hangspy-core-XXXXXX";
};

inline Bytes bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline Result<std::unique_ptr<Target>> open_at(const std::string& path) {
  return open_core({path, std::nullopt, std::nullopt});
}

class CoreBuilder {
 public:
  CoreBuilder& note(std::uint32_t type, const Bytes& description) {
    const Elf64_Nhdr header{5, static_cast<Elf64_Word>(description.size()), type};
    append(notes_, &header, sizeof(header));
    append(notes_, "CORE\0\0\0", 8);
    notes_.insert(notes_.end(), description.begin(), description.end());
    notes_.resize((notes_.size() + 3) / 4 * 4);
    return *this;
  }
  CoreBuilder& thread(int tid, std::uint64_t orig_rax = 202, std::int64_t rax = -512) {
    elf_prstatus status{};
    status.pr_pid = tid;
    user_regs_struct registers{};
    registers.orig_rax = orig_rax;
    registers.rax = static_cast<std::uint64_t>(rax);
    registers.rdi = 0xabc;
    std::memcpy(&status.pr_reg, &registers, sizeof(registers));
    return note(NT_PRSTATUS, raw(status));
  }
  CoreBuilder& segment(std::uint64_t at, const Bytes& bytes, std::uint64_t memory_size,
                       std::uint32_t flags = PF_R | PF_W) {
    segments_.push_back({PT_LOAD, flags, 0, at, 0, bytes.size(), memory_size, 1});
    contents_.push_back(bytes);
    return *this;
  }
  CoreBuilder& files(const std::vector<std::uint64_t>& words, const std::string& names) {
    Bytes description;
    append(description, words.data(), words.size() * 8);
    description.insert(description.end(), names.begin(), names.end());
    return note(NT_FILE, description);
  }
  // Lets the test spoil the headers: of the file, of the notes' segment, of the memory's segments.
  std::function<void(Elf64_Ehdr&, Elf64_Phdr&, std::vector<Elf64_Phdr>&)> spoil =
      [](Elf64_Ehdr&, Elf64_Phdr&, std::vector<Elf64_Phdr>&) {};

  [[nodiscard]] Bytes build() const {
    Elf64_Ehdr header{};
    std::memcpy(header.e_ident, ELFMAG, SELFMAG);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_ident[EI_DATA] = ELFDATA2LSB;
    header.e_type = ET_CORE;
    header.e_machine = EM_X86_64;
    header.e_phoff = sizeof(header);
    header.e_phentsize = sizeof(Elf64_Phdr);
    header.e_phnum = static_cast<Elf64_Half>(1 + segments_.size());
    std::uint64_t offset = sizeof(header) + header.e_phnum * sizeof(Elf64_Phdr);
    Elf64_Phdr notes{PT_NOTE, 0, offset, 0, 0, notes_.size(), 0, 0};
    offset += notes_.size();
    std::vector<Elf64_Phdr> segments = segments_;
    for (Elf64_Phdr& each : segments) {
      each.p_offset = offset;
      offset += each.p_filesz;
    }
    spoil(header, notes, segments);
    Bytes bytes;
    append(bytes, &header, sizeof(header));
    append(bytes, &notes, sizeof(notes));
    append(bytes, segments.data(), segments.size() * sizeof(Elf64_Phdr));
    bytes.insert(bytes.end(), notes_.begin(), notes_.end());
    for (const Bytes& each : contents_) bytes.insert(bytes.end(), each.begin(), each.end());
    return bytes;
  }
  [[nodiscard]] Result<std::unique_ptr<Target>> open() const {
    return open_at(ScratchDirectory().write(build()));
  }

 private:
  template <class T>
  static Bytes raw(const T& value) {
    Bytes bytes;
    append(bytes, &value, sizeof(value));
    return bytes;
  }
  static void append(Bytes& to, const void* from, std::size_t size) {
    const auto* bytes = static_cast<const char*>(from);
    to.insert(to.end(), bytes, bytes + size);
  }
  Bytes notes_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Bytes> contents_;
};

}  // namespace hangspy::target
