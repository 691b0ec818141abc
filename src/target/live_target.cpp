// A live process: everything is asked of its /proc directory, opened once, and of
// process_vm_readv. Nothing is stopped unless stop() is called.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "hangspy/target.hpp"
#include "memory/page_cache.hpp"
#include "target/permission.hpp"
#include "target/proc_dir.hpp"
#include "target/proc_maps.hpp"
#include "target/proc_threads.hpp"
#include "target/process_memory.hpp"
#include "target/ptrace_stop.hpp"
#include "target/restraint.hpp"
#include "target/rooted_files.hpp"

namespace hangspy::target {
namespace {

static_assert(kPageSize == memory::kPageSize);

class Process final : public LiveTarget {
 public:
  explicit Process(ProcDir directory)
      : directory_(std::move(directory)), memory_(directory_), files_(below("root")) {}

  [[nodiscard]] Result<void> open();

  [[nodiscard]] Kind kind() const override { return Kind::kLive; }
  [[nodiscard]] Tid pid() const override { return directory_.pid(); }
  [[nodiscard]] const std::vector<Mapping>& mappings() const override { return mappings_; }
  [[nodiscard]] Result<void> refresh() override;
  [[nodiscard]] Result<std::vector<ThreadState>> threads() const override;
  [[nodiscard]] Result<std::vector<std::size_t>> fetch(std::span<const Address> pages,
                                                       std::span<std::byte> out) const override;
  [[nodiscard]] Result<std::filesystem::path> file_behind(const Mapping& mapping) const override;
  [[nodiscard]] Result<std::filesystem::path> file_at(const Text& path) const override {
    return files_.find(path);
  }
  [[nodiscard]] Result<Stopped> stop(const StopWork& work) override;
  [[nodiscard]] Result<Restraint> restraint() const override { return restraint_of(directory_); }
  [[nodiscard]] Result<void> still_there() const override;

 private:
  [[nodiscard]] Result<void> check_readable() const;
  [[nodiscard]] bool is_executable(const Text& path) const;
  // A path through our open directory, which stays this process's whatever becomes of its pid.
  [[nodiscard]] std::string below(const std::string& name) const {
    return "/proc/self/fd/" + std::to_string(directory_.descriptor()) + "/" + name;
  }
  // An error of the kernel's "no" becomes one that says why.
  [[nodiscard]] tl::unexpected<Error> explained(Error error) const;

  ProcDir directory_;
  ProcessMemory memory_;
  RootedFiles files_;
  std::vector<Mapping> mappings_;
  std::uint64_t start_time_ = 0;
};

tl::unexpected<Error> Process::explained(Error error) const {
  if (error.failure != Failure::kPermission) return tl::unexpected(std::move(error));
  return tl::unexpected(explain_refusal(directory_, Access::kRead));
}

Result<void> Process::open() {
  HANGSPY_TRY(status, directory_.read("status"));
  const auto process = parse_number(status_field(status, "Tgid"));
  if (process && static_cast<Tid>(*process) != pid()) {
    const std::string number = std::to_string(*process);
    return fail(Failure::kNoProcess, std::to_string(pid()) + " is a thread of process " + number,
                "run hangspy " + number);
  }
  HANGSPY_TRY(stat, directory_.stat());
  start_time_ = stat.start_time;
  HANGSPY_CHECK(refresh());
  return check_readable();
}

Result<void> Process::refresh() {
  HANGSPY_TRY(tid, directory_.live_thread());
  const auto text = directory_.read(of_thread(tid, "maps"), kMaxMapsText);
  if (!text) return explained(text.error());
  HANGSPY_TRY(mappings, parse_maps(*text));
  if (mappings.empty()) {
    return fail(Failure::kNotPython, "process " + std::to_string(pid()) +
                                         " has no memory of its own (a kernel thread?)");
  }
  mappings_ = std::move(mappings);
  return {};
}

// The maps need less permission than the memory does; so one byte is read to know.
Result<void> Process::check_readable() const {
  for (const Mapping& each : mappings_) {
    if (!each.readable) continue;
    const int reason = memory_.try_read(each.begin);
    if (reason == 0) return {};
    if (reason == EPERM || reason == EACCES) {
      return tl::unexpected(explain_refusal(directory_, Access::kRead));
    }
  }
  return fail(Failure::kGone, "process " + std::to_string(pid()) + " has no readable memory");
}

Result<std::vector<ThreadState>> Process::threads() const {
  auto states = read_threads(directory_);
  if (!states) return explained(std::move(states.error()));
  return states;
}

Result<std::vector<std::size_t>> Process::fetch(std::span<const Address> pages,
                                                std::span<std::byte> out) const {
  auto unread = memory_.fetch(pages, out);
  if (!unread) return explained(std::move(unread.error()));
  return unread;
}

// The link in map_files is the very file that is mapped, deleted or not, but takes
// CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN (proc(5)); `exe` is as good for the main program; the
// path is the last resort, and may name another file by now.
Result<std::filesystem::path> Process::file_behind(const Mapping& mapping) const {
  if (!mapping.path.bytes().starts_with('/')) {
    return fail(Failure::kFile, "no file is mapped at " + to_hex(mapping.begin));
  }
  const std::string range = to_hex(mapping.begin).substr(2) + "-" + to_hex(mapping.end).substr(2);
  auto mapped = files_.hold("map_files/" + range, below("map_files/" + range));
  if (mapped) return mapped;
  if (is_executable(mapping.path)) {
    auto executable = files_.hold("exe", below("exe"));
    if (executable) return executable;
  }
  return files_.find(mapping.path);
}

bool Process::is_executable(const Text& path) const {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(directory_.descriptor(), "exe", target.data(), target.size());
  if (length < 0) return false;
  return path.bytes() == std::string_view(target.data(), static_cast<std::size_t>(length));
}

Result<Stopped> Process::stop(const StopWork& work) {
  if (pid() == ::getpid()) return fail(Failure::kUsage, "hangspy cannot stop itself");
  return while_stopped(directory_, work);
}

Result<void> Process::still_there() const {
  HANGSPY_TRY(stat, directory_.stat());
  if (stat.start_time != start_time_) {
    return fail(Failure::kGone, "the pid " + std::to_string(pid()) + " is another process now");
  }
  return directory_.live_thread().map([](Tid) {});
}

}  // namespace

Result<std::unique_ptr<LiveTarget>> open_live(Tid pid) {
  HANGSPY_TRY(directory, ProcDir::open(pid));
  auto process = std::make_unique<Process>(std::move(directory));
  HANGSPY_CHECK(process->open());
  return std::unique_ptr<LiveTarget>(std::move(process));
}

}  // namespace hangspy::target
