// Threads from /proc: two small files each.
#include "target/proc_threads.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

namespace hangspy::target {
namespace {

bool take_number(std::string_view& text, std::uint64_t& value) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  int base = 10;
  if (text.starts_with("0x")) {
    text.remove_prefix(2);
    base = 16;
  }
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_place(std::string_view& text, ThreadState& state) {
  return take_number(text, state.stack_pointer) && take_number(text, state.instruction_pointer);
}

// The innermost of the ids in the NSpid line: a container's processes know themselves by it.
Result<Tid> innermost_id(const ProcDir& process, Tid tid) {
  HANGSPY_TRY(status, process.read(of_thread(tid, "status")));
  const auto ids = status_field(status, "NSpid");
  const auto number = parse_number(ids.substr(ids.find_last_of(" \t") + 1));
  return number ? static_cast<Tid>(*number) : tid;
}

Result<ThreadState> read_thread(const ProcDir& process, Tid tid, bool is_contained) {
  ThreadState state;
  state.tid = tid;
  state.namespace_tid = tid;
  if (is_contained) {
    HANGSPY_TRY(inner, innermost_id(process, tid));
    state.namespace_tid = inner;
  }
  const std::string schedstat = process.read(of_thread(tid, "schedstat")).value_or("");
  state.run_time = run_time(schedstat);
  state.run_counter = run_counter(schedstat, {});
  if (!state.run_counter) {
    HANGSPY_TRY(status, process.read(of_thread(tid, "status")));
    state.run_counter = run_counter(schedstat, status);
  }
  HANGSPY_TRY(text, process.read(of_thread(tid, "syscall")));
  HANGSPY_CHECK(parse_syscall(text, state));
  // A thread that has ended and is not collected (a zombie main thread) has no stack any more.
  if (state.activity == Activity::kUnknown && state.stack_pointer == 0) {
    HANGSPY_TRY(stat_text, process.read(of_thread(tid, "stat")));
    HANGSPY_TRY(stat, parse_stat(stat_text));
    if (stat.ended()) return fail(Failure::kGone, "thread " + std::to_string(tid) + " has ended");
  }
  return state;
}

// On a processor, ready for one (both in nanoseconds), and how often on one.
using Schedule = std::array<std::uint64_t, 3>;

std::optional<Schedule> schedule_of(std::string_view schedstat) {
  Schedule fields{};
  const bool whole = std::ranges::all_of(
      fields, [&](std::uint64_t& field) { return take_number(schedstat, field); });
  if (!whole || fields == Schedule{}) return std::nullopt;
  return fields;
}

}  // namespace

std::optional<std::uint64_t> run_time(std::string_view schedstat) {
  const auto kept = schedule_of(schedstat);
  return kept ? std::optional{kept->front()} : std::nullopt;
}

std::optional<std::uint64_t> run_counter(std::string_view schedstat, std::string_view status) {
  if (const auto kept = schedule_of(schedstat)) return kept->back();
  const auto voluntary = parse_number(status_field(status, "voluntary_ctxt_switches"));
  const auto forced = parse_number(status_field(status, "nonvoluntary_ctxt_switches"));
  if (!voluntary || !forced) return std::nullopt;
  return *voluntary + *forced;
}

Result<void> parse_syscall(std::string_view text, ThreadState& state) {
  if (text.starts_with("running")) {
    state.activity = Activity::kRunning;
    return {};
  }
  bool good = false;
  if (text.starts_with("-1")) {  // asleep outside a system call: a page fault, or a stop
    text.remove_prefix(2);
    state.activity = Activity::kUnknown;
    good = take_place(text, state);
  } else if (std::uint64_t number = 0; take_number(text, number)) {
    state.activity = Activity::kInSyscall;
    state.syscall = static_cast<std::int64_t>(number);
    good = std::ranges::all_of(state.arguments,
                               [&](std::uint64_t& each) { return take_number(text, each); }) &&
           take_place(text, state);
  }
  if (!good) return fail(Failure::kFile, "a syscall file that is none of the kernel's");
  return {};
}

Result<std::vector<ThreadState>> read_threads(const ProcDir& process) {
  HANGSPY_TRY(tids, process.threads());
  std::vector<ThreadState> states;
  states.reserve(tids.size());
  const auto own = innermost_id(process, process.pid());
  const bool is_contained = own && *own != process.pid();
  for (const Tid tid : tids) {
    auto state = read_thread(process, tid, is_contained);
    if (state) {
      states.push_back(*state);
    } else if (state.error().failure != Failure::kGone) {
      return tl::unexpected(std::move(state.error()));
    }
  }
  if (states.empty()) {
    return fail(Failure::kGone, "process " + std::to_string(process.pid()) + " has ended");
  }
  return states;
}

}  // namespace hangspy::target
