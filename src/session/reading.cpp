#include "session/reading.hpp"

#include <ctime>
#include <fstream>
#include <iterator>

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

// multiprocessing's own child, which cleans up after the others; it is no worker.
bool tracks_resources(target::Tid pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  const std::string words((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return words.find("multiprocessing.resource_tracker") != std::string::npos;
}

Result<void> refuse_supervisor(const target::Target& target, const python::Process& process) {
  if (target.kind() != target::Target::Kind::kLive || !python::is_supervisor(process)) return {};
  std::string workers;
  const auto children = target::children_of(target.pid());
  for (const auto pid : children.value_or(std::vector<target::Tid>{})) {
    if (tracks_resources(pid)) continue;
    workers += (workers.empty() ? "" : ", ") + std::to_string(pid);
  }
  return fail(Failure::kSupervisor,
              "process " + std::to_string(target.pid()) + " only supervises workers",
              workers.empty() ? "give the pid of a worker"
                              : "give the pid of one of its workers: " + workers);
}

}  // namespace

bool is_finding(const diagnosis::Diagnosis& diagnosis) {
  using diagnosis::Verdict;
  return diagnosis.verdict == Verdict::kDeadlock || diagnosis.verdict == Verdict::kOrphanWait ||
         diagnosis.verdict == Verdict::kBlockedLoop;
}

memory::PageCache cache_over(const target::Target& target, std::size_t more) {
  return memory::PageCache([&target](std::span<const Address> pages,
                                     std::span<std::byte> out) { return target.fetch(pages, out); },
                           memory::PageCache::kMaxPages + more);
}

Result<Constants> read_constants(const target::Target& target, const memory::Memory& memory) {
  HANGSPY_TRY(runtime, python::find_runtime(target, memory));
  HANGSPY_TRY(process, python::Process::find(memory, runtime));
  Constants constants;
  constants.landmarks = process->landmarks();
  constants.facts.version = runtime.version;
  constants.facts.executable = runtime.executable;
  constants.facts.layout = runtime.layout;
  constants.facts.packages = python::packages(*process, target);
  constants.facts.server = python::served_application(*process);
  constants.runtime = std::move(runtime);
  return constants;
}

Result<snapshot::Snapshot> read_once(const target::Target& target, const memory::Memory& memory,
                                     const Constants& constants,
                                     const std::vector<target::ThreadState>& kernel_threads,
                                     const python::Known& known) {
  HANGSPY_TRY(process, python::Process::read(memory, constants.runtime, kernel_threads,
                                             *constants.landmarks, known));
  HANGSPY_CHECK(refuse_supervisor(target, *process));
  snapshot::Snapshot snapshot;
  snapshot.is_core = target.kind() == target::Target::Kind::kCore;
  snapshot.pid = target.pid();
  snapshot.runtime = constants.facts;
  sync::read_all(*process, snapshot);
  for (auto& loop : snapshot.loops) {
    if (!snapshot.is_core) loop.now = monotonic_now();
  }
  return snapshot;
}

Reading judged(snapshot::Snapshot snapshot) {
  Reading reading{std::move(snapshot), {}};
  reading.diagnosis = diagnosis::diagnose(reading.snapshot);
  return reading;
}

}  // namespace hangspy::session
