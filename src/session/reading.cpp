#include "session/reading.hpp"

#include <ctime>

#include "python/packages.hpp"
#include "python/process.hpp"
#include "sync/reads.hpp"

namespace hangspy::session {
namespace {

// asyncio's loop time is CLOCK_MONOTONIC, the same for all processes (Lib/asyncio/base_events.py).
double monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

Result<void> refuse_supervisor(const target::Target& target, const python::Process& process) {
  if (target.kind() != target::Target::Kind::kLive || !python::is_supervisor(process)) return {};
  std::string workers;
  const auto children = target::children_of(target.pid());
  for (const auto pid : children.value_or(std::vector<target::Tid>{})) {
    workers += (workers.empty() ? "" : ", ") + std::to_string(pid);
  }
  return fail(Failure::kSupervisor,
              "process " + std::to_string(target.pid()) + " only supervises workers",
              workers.empty() ? "give the pid of a worker"
                              : "give the pid of one of its workers: " + workers);
}

}  // namespace

memory::PageCache cache_over(const target::Target& target) {
  return memory::PageCache([&target](std::span<const Address> pages, std::span<std::byte> out) {
    return target.fetch(pages, out);
  });
}

Result<Reading> read_once(const target::Target& target, const memory::Memory& memory,
                          const python::Runtime& runtime,
                          const std::vector<target::ThreadState>& kernel_threads) {
  HANGSPY_TRY(process, python::Process::read(memory, runtime, kernel_threads));
  HANGSPY_CHECK(refuse_supervisor(target, *process));
  Reading reading;
  auto& snapshot = reading.snapshot;
  snapshot.is_core = target.kind() == target::Target::Kind::kCore;
  snapshot.pid = target.pid();
  snapshot.runtime.version = runtime.version;
  snapshot.runtime.executable = runtime.executable;
  snapshot.runtime.layout = runtime.layout;
  snapshot.runtime.packages = python::packages(*process, target);
  snapshot.runtime.server = python::served_application(*process);
  sync::read_all(*process, snapshot);
  for (auto& loop : snapshot.loops) {
    if (!snapshot.is_core) loop.now = monotonic_now();
  }
  reading.diagnosis = diagnosis::diagnose(snapshot);
  return reading;
}

}  // namespace hangspy::session
