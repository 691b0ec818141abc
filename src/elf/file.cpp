// Opens files that somebody else named: looked at first (O_PATH opens nothing), then reopened.
#include "elf/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "elf/bounds.hpp"
#include "hangspy/text.hpp"

namespace hangspy::elf {
namespace {

tl::unexpected<Error> cannot_open(const std::string& name, int reason) {
  const bool denied = reason == EACCES || reason == EPERM;
  return fail(denied ? Failure::kPermission : Failure::kFile,
              "cannot open " + name + ": " + std::strerror(reason));
}

}  // namespace

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
  Descriptor old(std::exchange(number_, other.give_up()));
  return *this;
}

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

int Descriptor::give_up() {
  return std::exchange(number_, -1);
}

File::File(Descriptor descriptor, std::uint64_t size, std::string name)
    : descriptor_(std::move(descriptor)), size_(size), name_(std::move(name)) {}

Result<File> File::open(const std::filesystem::path& path) {
  std::string name = to_line(Text::of_target(path.native()));
  const Descriptor found(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!found) return cannot_open(name, errno);
  return reopen(found, std::move(name));
}

Result<File> File::reopen(const Descriptor& opened, std::string name) {
  struct stat about{};
  if (::fstat(opened.number(), &about) != 0) return cannot_open(name, errno);
  if (!S_ISREG(about.st_mode)) return fail(Failure::kFile, name + " is not a regular file");
  const std::string link = "/proc/self/fd/" + std::to_string(opened.number());
  Descriptor readable(::open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!readable) return cannot_open(name, errno);
  return File(std::move(readable), static_cast<std::uint64_t>(about.st_size), std::move(name));
}

Result<void> File::read(std::uint64_t offset, std::span<std::byte> out) const {
  if (!fits(size_, offset, out.size())) {
    return fail(Failure::kFile, name_ + " ends before byte " + std::to_string(offset) + " + " +
                                    std::to_string(out.size()));
  }
  while (!out.empty()) {
    const ssize_t count =
        ::pread(descriptor_.number(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      return fail(Failure::kFile, "cannot read " + name_ + ": " + std::strerror(errno));
    }
    if (count == 0) return fail(Failure::kFile, name_ + " became shorter while it was read");
    out = out.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

}  // namespace hangspy::elf
