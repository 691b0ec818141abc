// Reads the memory of another process in batches, without stopping it.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>
#include <vector>

#include "elf/file.hpp"
#include "hangspy/result.hpp"
#include "hangspy/target.hpp"
#include "target/proc_dir.hpp"

namespace hangspy::target {

class ProcessMemory {
 public:
  // `process` must outlive this. Opens what can be opened; open_live() finds out what may be read.
  explicit ProcessMemory(const ProcDir& process);

  // As Target::fetch, for any number of threads at once. Errors: kGone, kPermission.
  [[nodiscard]] Result<std::vector<std::size_t>> fetch(std::span<const Address> pages,
                                                       std::span<std::byte> out) const;

  // errno of reading the byte at `at`; 0 when it could be read.
  [[nodiscard]] int try_read(Address at) const;

 private:
  [[nodiscard]] Result<void> fetch_batch(std::span<const Address> pages, std::span<std::byte> out,
                                         std::size_t first, std::vector<std::size_t>& unread) const;
  [[nodiscard]] Result<void> fetch_from_file(std::span<const Address> pages,
                                             std::span<std::byte> out, std::size_t first,
                                             std::vector<std::size_t>& unread) const;
  [[nodiscard]] Result<void> check_alive() const;
  [[nodiscard]] tl::unexpected<Error> gone() const;

  const ProcDir& process_;
  elf::Descriptor handle_;                // pidfd
  elf::Descriptor memory_;                // /proc/PID/mem, where process_vm_readv is not allowed
  mutable std::atomic<Tid> through_ = 0;  // the thread by which the kernel finds the memory
};

}  // namespace hangspy::target
