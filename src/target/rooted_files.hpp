// Opens files that a target names, as the target would find them.
//
// "/usr/lib/x.so" of a process in a container, or of a core from another machine, is a path below
// another root; and a symbolic link in it must be followed below that root too, or a hostile
// target could make hangspy open any file of the host.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "elf/file.hpp"
#include "hangspy/result.hpp"
#include "hangspy/text.hpp"

namespace hangspy::target {

class RootedFiles {
 public:
  // `root` is a directory: /proc/PID/root, a sysroot, or "/".
  explicit RootedFiles(std::filesystem::path root) : root_(std::move(root)) {}

  // A path under which the regular file can be opened, now and as long as this object lives: the
  // file is held open, so that it stays the same. Errors: kFile, kPermission, kLimit.
  [[nodiscard]] Result<std::filesystem::path> find(const Text& path) const;

  // The same for a path of our own making (a link in /proc). The key names it for the next time.
  [[nodiscard]] Result<std::filesystem::path> hold(const std::string& key,
                                                   const std::filesystem::path& path) const;

 private:
  [[nodiscard]] Result<elf::Descriptor> open_below_root(const std::string& path) const;
  [[nodiscard]] Result<std::filesystem::path> keep(const std::string& key, std::string name,
                                                   const elf::Descriptor& found) const;

  std::filesystem::path root_;
  mutable elf::Descriptor root_directory_;
  mutable std::map<std::string, elf::File> held_;
};

}  // namespace hangspy::target
