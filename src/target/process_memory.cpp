// process_vm_readv: one call for up to 1,024 pages, and no stop.
//
// It stops at the first page that it cannot read and says how much it copied, even of a range
// (Linux pins as many pages of it as it can, copies them, and only then fails to pin the next:
// mm/process_vm_access.c, process_vm_rw_single_vec). So the page after the copied ones is the bad
// one, and the next call begins behind it. The kernel finds the memory by a thread; when the main
// thread has ended before the others, any other will do.
#include "target/process_memory.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace hangspy::target {
namespace {

constexpr std::size_t kBatch = 1024;  // UIO_MAXIOV

iovec here(std::span<std::byte> bytes) {
  return {bytes.data(), bytes.size()};
}

// The kernel wants the target's address in a pointer; it is never one of ours.
iovec there(Address at, std::size_t length) {
  return {reinterpret_cast<void*>(at.value), length};  // NOLINT(performance-no-int-to-ptr)
}

// The kernel takes pages that follow each other at half the price when they are one range. Returns
// how many ranges these are.
std::size_t join(std::array<iovec, kBatch>& ranges, std::span<const Address> pages) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (i > 0 && pages[i - 1] + kPageSize == pages[i]) {
      ranges[count - 1].iov_len += kPageSize;
    } else {
      ranges[count++] = there(pages[i], kPageSize);
    }
  }
  return count;
}

}  // namespace

ProcessMemory::ProcessMemory(const ProcDir& process)
    : process_(process),
      handle_(static_cast<int>(::syscall(SYS_pidfd_open, process.pid(), 0))),
      through_(process.live_thread().value_or(process.pid())) {
  const std::string name = of_thread(through_, "mem");
  memory_ = elf::Descriptor(::openat(process.descriptor(), name.c_str(), O_RDONLY | O_CLOEXEC));
}

int ProcessMemory::try_read(Address at) const {
  std::byte byte{};
  const iovec local = here({&byte, 1});
  const iovec remote = there(at, 1);
  if (::process_vm_readv(through_, &local, 1, &remote, 1, 0) == 1) return 0;
  const int reason = errno;
  if (memory_ && ::pread(memory_.number(), &byte, 1, static_cast<off_t>(at.value)) == 1) return 0;
  return reason;
}

Result<std::vector<std::size_t>> ProcessMemory::fetch(std::span<const Address> pages,
                                                      std::span<std::byte> out) const {
  if (out.size() != pages.size() * kPageSize) {
    return fail(Failure::kLimit, "room for another number of pages than was asked for");
  }
  std::vector<std::size_t> unread;
  for (std::size_t first = 0; first < pages.size(); first += kBatch) {
    const std::size_t count = std::min(kBatch, pages.size() - first);
    HANGSPY_CHECK(fetch_batch(pages.subspan(first, count),
                              out.subspan(first * kPageSize, count * kPageSize), first, unread));
  }
  HANGSPY_CHECK(check_alive());
  return unread;
}

Result<void> ProcessMemory::fetch_batch(std::span<const Address> pages, std::span<std::byte> out,
                                        std::size_t first, std::vector<std::size_t>& unread) const {
  std::array<iovec, kBatch> remote;
  bool tried_another = false;
  for (std::size_t done = 0; done < pages.size();) {
    const std::size_t ranges = join(remote, pages.subspan(done));
    const iovec local = here(out.subspan(done * kPageSize));
    const ssize_t count = ::process_vm_readv(through_, &local, 1, remote.data(), ranges, 0);
    if (count < 0 && errno == ESRCH) {
      if (tried_another) return gone();
      tried_another = true;
      HANGSPY_TRY(tid, process_.live_thread());
      through_ = tid;
      continue;
    }
    if (count < 0 && errno != EFAULT) {
      return fetch_from_file(pages.subspan(done), out.subspan(done * kPageSize), first + done,
                             unread);
    }
    done += count < 0 ? 0 : static_cast<std::size_t>(count) / kPageSize;
    if (done < pages.size()) unread.push_back(first + done++);
  }
  return {};
}

// Where the call is missing (a seccomp profile, an old kernel) or refused after privileges were
// dropped: the file opened before still reads.
Result<void> ProcessMemory::fetch_from_file(std::span<const Address> pages,
                                            std::span<std::byte> out, std::size_t first,
                                            std::vector<std::size_t>& unread) const {
  if (!memory_) {
    const int reason = errno;
    return fail(Failure::kPermission, "cannot read the memory of process " +
                                          std::to_string(process_.pid()) + ": " +
                                          std::strerror(reason));
  }
  for (std::size_t i = 0; i < pages.size(); ++i) {
    std::byte* to = out.data() + i * kPageSize;
    const auto offset = static_cast<off_t>(pages[i].value);
    const ssize_t count = offset < 0 ? -1 : ::pread(memory_.number(), to, kPageSize, offset);
    if (count == 0) return gone();  // its memory was given back
    if (count != static_cast<ssize_t>(kPageSize)) unread.push_back(first + i);
  }
  return {};
}

// A pidfd that is readable belongs to a process that has ended. As long as it is not, no pid and
// no tid of it can have been given to another process, so what was read was read of this one.
Result<void> ProcessMemory::check_alive() const {
  if (handle_) {
    pollfd ended{handle_.number(), POLLIN, 0};
    if (::poll(&ended, 1, 0) != 0) return gone();
  }
  if (through_ == process_.pid()) return {};
  const std::string name = "task/" + std::to_string(through_);
  if (::faccessat(process_.descriptor(), name.c_str(), F_OK, 0) != 0) return gone();
  return {};
}

tl::unexpected<Error> ProcessMemory::gone() const {
  return fail(Failure::kGone,
              "process " + std::to_string(process_.pid()) + " ended while it was read");
}

}  // namespace hangspy::target
