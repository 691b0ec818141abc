#include "sync/futex.hpp"

#include <array>
#include <utility>

namespace hangspy::sync {
namespace {

// arch/x86/entry/syscalls/syscall_64.tbl
constexpr std::int64_t kFutex = 202;
constexpr std::int64_t kRestart = 219;  // a timed wait that a stop had interrupted; rdi is kept
// include/uapi/linux/futex.h: the wait operations, without the private and clock flags.
constexpr std::uint64_t kCommandMask = 0x7f;
constexpr std::uint64_t kWait = 0;
constexpr std::uint64_t kWaitBitset = 9;

bool semaphore_is(const python::Objects& objects, Address field, Address word) {
  const auto semaphore = objects.pointer(field);
  return semaphore && *semaphore && *semaphore == word;
}

bool parked_at(const python::Objects& objects, Address place, Address word) {
  const auto parked = objects.value<std::uint64_t>(word - 8);
  return parked && *parked == place.value;
}

bool holds_semaphore(const python::Objects& objects, Address object, std::uint32_t sized) {
  const auto type = objects.type_of(object);
  const auto size = type ? objects.basic_size(*type) : fail(Failure::kImplausible, "");
  return size && *size == sized;
}

bool lock_parks(const python::Process& process, Address lock, Address word) {
  const auto& objects = process.objects();
  const auto& field = objects.layout().lock;
  const auto place = lock + objects.layout().object.size;
  if (field.semaphore != python::layouts::kAbsent && holds_semaphore(objects, lock, field.size)) {
    return semaphore_is(objects, lock + field.semaphore, word);
  }
  return parked_at(objects, place, word);
}

bool queue_parks(const python::Process& process, Address queue, Address word) {
  const auto& objects = process.objects();
  const auto& field = objects.layout().simple_queue;
  if (field.lock != python::layouts::kAbsent) {
    return semaphore_is(objects, queue + field.lock, word);
  }
  return parked_at(objects, queue + objects.layout().object.size, word);
}

bool handle_parks(const python::Process& process, Address handle_object, Address word) {
  const auto& objects = process.objects();
  const auto& layout = objects.layout();
  const auto handle = objects.pointer(handle_object + layout.thread_handle_object.handle);
  return handle && *handle && parked_at(objects, *handle + layout.thread_handle.is_exiting, word);
}

}  // namespace

std::optional<Futex> futex_of(const python::RawThread& thread) {
  const auto& kernel = thread.kernel;
  if (kernel.activity != target::Activity::kInSyscall) return std::nullopt;
  if (kernel.syscall == kRestart) return Futex{{kernel.arguments[0]}, true};
  if (kernel.syscall != kFutex) return std::nullopt;
  const auto command = kernel.arguments[1] & kCommandMask;
  if (command != kWait && command != kWaitBitset) return std::nullopt;
  return Futex{{kernel.arguments[0]}, kernel.arguments[3] != 0};
}

bool parked_on(const python::Process& process, const python::RawThread& thread, Address object) {
  const auto futex = futex_of(thread);
  if (!futex || !object) return false;
  const auto& objects = process.objects();
  const auto is = [&](python::TypeMark mark) {
    return objects.is_instance(object, process.landmarks().type(mark));
  };
  if (is(python::TypeMark::kLock)) return lock_parks(process, object, futex->word);
  if (is(python::TypeMark::kRLock)) {
    return semaphore_is(objects, object + objects.layout().recursive_lock.semaphore, futex->word);
  }
  if (is(python::TypeMark::kSimpleQueue)) return queue_parks(process, object, futex->word);
  const auto type = objects.type_of(object);
  const auto name = type ? objects.type_name(*type) : fail(Failure::kImplausible, "");
  return name && name->bytes() == "_thread._ThreadHandle" &&
         handle_parks(process, object, futex->word);
}

bool waits_for_gil(const python::Process& process, const python::RawThread& thread) {
  const auto futex = futex_of(thread);
  if (!futex) return false;
  for (const auto gil : process.gils()) {
    const auto size = process.objects().layout().gil.size;
    if (futex->word >= gil && futex->word < gil + size) return true;
  }
  return false;
}

std::string syscall_name(std::int64_t number) {
  using Name = std::pair<std::int64_t, const char*>;
  constexpr std::array kNames = {
      Name{0, "read"},
      Name{1, "write"},
      Name{7, "poll"},
      Name{17, "pread64"},
      Name{18, "pwrite64"},
      Name{20, "writev"},
      Name{23, "select"},
      Name{35, "nanosleep"},
      Name{42, "connect"},
      Name{43, "accept"},
      Name{44, "sendto"},
      Name{45, "recvfrom"},
      Name{46, "sendmsg"},
      Name{47, "recvmsg"},
      Name{61, "wait4"},
      Name{72, "fcntl"},
      Name{73, "flock"},
      Name{74, "fsync"},
      Name{202, "futex"},
      Name{219, "restart_syscall"},
      Name{230, "clock_nanosleep"},
      Name{232, "epoll_wait"},
      Name{247, "waitid"},
      Name{270, "pselect6"},
      Name{271, "ppoll"},
      Name{281, "epoll_pwait"},
      Name{288, "accept4"},
      Name{441, "epoll_pwait2"},
  };
  for (const auto& [known, name] : kNames) {
    if (known == number) return name;
  }
  return "system call " + std::to_string(number);
}

}  // namespace hangspy::sync
