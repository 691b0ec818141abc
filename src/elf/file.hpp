// A regular file opened for reading, and the descriptor under it.
//
// The names of these files come from the target, so anything may lie there: a FIFO that blocks the
// reader, a device whose mere opening does something, a file that shrinks meanwhile. So the file
// is looked at before it is opened for reading, and read with pread, never mapped: a mapping of a
// file that somebody truncates is a SIGBUS in hangspy.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "hangspy/result.hpp"

namespace hangspy::elf {

// Owns one file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(other.give_up()) {}
  Descriptor& operator=(Descriptor&& other) noexcept;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor();

  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] explicit operator bool() const { return number_ >= 0; }
  [[nodiscard]] int give_up();

 private:
  int number_ = -1;
};

class File {
 public:
  // Errors: kFile (no such file, not a regular one), kPermission.
  [[nodiscard]] static Result<File> open(const std::filesystem::path& path);
  // The same for a descriptor opened with O_PATH; `name` is for messages only.
  [[nodiscard]] static Result<File> reopen(const Descriptor& opened, std::string name);

  // Bytes, when it was opened.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] int descriptor() const { return descriptor_.number(); }
  // How messages name it: printable, escaped.
  [[nodiscard]] const std::string& name() const { return name_; }

  // Fills all of `out` from `offset`. Errors: kFile.
  [[nodiscard]] Result<void> read(std::uint64_t offset, std::span<std::byte> out) const;

 private:
  File(Descriptor descriptor, std::uint64_t size, std::string name);

  Descriptor descriptor_;
  std::uint64_t size_ = 0;
  std::string name_;
};

}  // namespace hangspy::elf
