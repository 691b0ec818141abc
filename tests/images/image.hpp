// A memory image: the pages that one diagnosis read of a real worker, as a target.
//
// Reading CPython touches a few megabytes of a process, and a few hundred kilobytes of those. An
// image says which, in granules of 16 bytes: these are worth spoiling. What lies beside them is
// kept, too, for a pointer that was spoilt; the rest of each page is zero, so that it packs well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hangspy/diagnosis.hpp"
#include "hangspy/target.hpp"
#include "memory/memory.hpp"
#include "python/process.hpp"

namespace hangspy::images {

inline constexpr std::uint64_t kGranule = 16;  // bytes; divides a page

// A run of bytes that were read.
struct Range {
  Address at;
  std::uint64_t size = 0;
};

struct Reading {
  snapshot::Snapshot snapshot;
  diagnosis::Diagnosis diagnosis;
};

class Image final : public target::Target, public memory::Memory {
 public:
  // Errors: kFile.
  [[nodiscard]] static Result<std::unique_ptr<Image>> load(const std::filesystem::path& path);
  // Reads the live process `pid` once, as hangspy does, and keeps what was read. The process must
  // lie still. Errors: those of open_live and of the reading.
  [[nodiscard]] static Result<std::unique_ptr<Image>> record(target::Tid pid);
  [[nodiscard]] Result<void> save(const std::filesystem::path& path) const;

  // ---- as a target: a core, for nothing in it moves, and no file lies behind it
  [[nodiscard]] Kind kind() const override { return Kind::kCore; }
  [[nodiscard]] target::Tid pid() const override { return pid_; }
  [[nodiscard]] const std::vector<target::Mapping>& mappings() const override { return none_; }
  [[nodiscard]] Result<void> refresh() override { return {}; }
  [[nodiscard]] Result<std::vector<target::ThreadState>> threads() const override {
    return threads_;
  }
  [[nodiscard]] Result<std::vector<std::size_t>> fetch(std::span<const Address> pages,
                                                       std::span<std::byte> out) const override;
  [[nodiscard]] Result<std::filesystem::path> file_behind(const target::Mapping&) const override {
    return fail(Failure::kFile, "an image has no files");
  }
  [[nodiscard]] Result<std::filesystem::path> file_at(const Text&) const override {
    return fail(Failure::kFile, "an image has no files");
  }

  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override;

  // 12 for CPython 3.12.
  [[nodiscard]] int minor() const { return static_cast<int>(number_ >> 16U & 0xffU); }
  // What was read, sorted, none touching another.
  [[nodiscard]] const std::vector<Range>& ranges() const { return ranges_; }
  // From now on as if this thread had run just before.
  void mark_ran(target::Tid tid);
  // Replaces bytes, where the image has them.
  void write(Address at, std::span<const std::byte> bytes);

  // What hangspy says of the image; read through `memory`, if somebody wants to look on.
  [[nodiscard]] Result<Reading> diagnose() const;
  [[nodiscard]] Result<Reading> diagnose(const memory::Memory& memory,
                                         const python::Known& known = {}) const;

 private:
  [[nodiscard]] const std::byte* page(Address at) const;
  void lay_out();
  void forget_the_rest();

  target::Tid pid_ = 0;
  Address runtime_;           // _PyRuntime
  std::uint32_t number_ = 0;  // Py_Version
  Text executable_;
  std::vector<target::ThreadState> threads_;
  std::vector<Range> ranges_;
  std::vector<Address> pages_;    // sorted: those that the ranges lie in
  std::vector<std::byte> bytes_;  // of all pages, one after the other
  std::vector<target::Mapping> none_;
};

// The images in a folder, sorted by name.
[[nodiscard]] std::vector<std::filesystem::path> all(const std::filesystem::path& folder);

}  // namespace hangspy::images
