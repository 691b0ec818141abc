#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>

#include <fstream>
#include <future>
#include <memory>
#include <optional>
#include <sstream>

#include "target/proc_dir.hpp"
#include "target_child.hpp"

namespace hangspy::target {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

char state_of_process(Tid pid) {
  return ProcDir::open(pid).value().stat().value().state;
}

std::string tracer_of(Tid pid) {
  const std::string status = ProcDir::open(pid).value().read("status").value();
  return std::string(status_field(status, "TracerPid"));
}

// A futex wait, a long sleep, and a heart that beats every millisecond.
void wait_sleep_and_beat(const std::function<void(Told)>& ready) {
  static std::atomic<int> word = 5;
  static std::atomic<std::uint64_t> beats = 0;
  static std::atomic<std::uint64_t> waiter = 0;
  std::thread([] {
    waiter = static_cast<std::uint64_t>(own_tid());
    for (;;) ::syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 5, nullptr, nullptr, 0);
  }).detach();
  std::thread([] {
    for (;; ++beats) ::usleep(1000);
  }).detach();
  while (waiter == 0 || beats == 0) std::this_thread::yield();
  ready({reinterpret_cast<std::uint64_t>(&word), reinterpret_cast<std::uint64_t>(&beats), waiter});
  for (;;) std::this_thread::sleep_for(std::chrono::hours(1));
}

Result<void> copy_nothing(std::span<const ThreadState>) {
  return {};
}

TEST(Stop, RegistersNameTheSystemCalls) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  ASSERT_TRUE(comes_to_rest(child.pid(), 3));
  const auto stop = (*target)->stop({copy_nothing});
  ASSERT_TRUE(stop) << stop.error().what;
  const auto& states = stop->threads;
  ASSERT_EQ(states.size(), 3u);
  EXPECT_TRUE(std::ranges::is_sorted(states, {}, &ThreadState::tid));
  const ThreadState* main = find_thread(states, static_cast<std::uint64_t>(child.pid()));
  EXPECT_EQ(main->activity, Activity::kInSyscall);
  EXPECT_EQ(main->syscall, SYS_clock_nanosleep);
  const ThreadState* waiter = find_thread(states, child.told(2));
  EXPECT_EQ(waiter->activity, Activity::kInSyscall);
  EXPECT_EQ(waiter->syscall, SYS_futex);
  EXPECT_EQ(waiter->arguments[0], child.told(0));
  EXPECT_NE(waiter->fs_base, main->fs_base);
  EXPECT_NE(waiter->fs_base, 0u);
  EXPECT_NE(waiter->stack_pointer, 0u);
  EXPECT_NE(waiter->instruction_pointer, 0u);
}

TEST(Stop, HoldsEverythingWhileItCopies) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  std::uint64_t then = 0;
  const auto stop = (*target)->stop({[&](std::span<const ThreadState> threads) {
    EXPECT_EQ(threads.size(), 3u);
    then = peek(**target, child.told(1)).value();
    std::this_thread::sleep_for(milliseconds(30));
    EXPECT_EQ(peek(**target, child.told(1)).value(), then);
    return Result<void>{};
  }});
  ASSERT_TRUE(stop) << stop.error().what;
  EXPECT_GE(stop->pause_us, 30'000u);
  EXPECT_LT(stop->pause_us, 1'000'000u);
  EXPECT_TRUE(eventually([&] { return peek(**target, child.told(1)).value() > then + 5; }));
  EXPECT_EQ(tracer_of(child.pid()), "0");
}

TEST(Stop, LetsGoWhenTheCopyFails) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const auto stop = (*target)->stop(
      {[](std::span<const ThreadState>) -> Result<void> { return fail(Failure::kGone, "it"); }});
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error().failure, Failure::kGone);
  const std::uint64_t then = peek(**target, child.told(1)).value();
  EXPECT_TRUE(eventually([&] { return peek(**target, child.told(1)).value() > then; }));
  EXPECT_EQ(tracer_of(child.pid()), "0");
}

cpu_set_t processors_of_this_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  EXPECT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  return set;
}

TEST(Stop, WarmsOnTheThreadThatCopiesWhileAllRuns) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  std::thread::id warmed_on;
  const auto warm = [&] {
    warmed_on = std::this_thread::get_id();
    EXPECT_EQ(tracer_of(child.pid()), "0");
    const std::uint64_t then = peek(**target, child.told(1)).value();
    EXPECT_TRUE(eventually([&] { return peek(**target, child.told(1)).value() > then; }));
    return Result<void>{};
  };
  const auto copy = [&](std::span<const ThreadState>) {
    EXPECT_EQ(std::this_thread::get_id(), warmed_on);
    EXPECT_NE(tracer_of(child.pid()), "0");
    return Result<void>{};
  };
  const auto stop = (*target)->stop({copy, warm});
  ASSERT_TRUE(stop) << stop.error().what;
  EXPECT_NE(warmed_on, std::thread::id{});
}

TEST(Stop, StopsNothingWhenItCannotBeWarmed) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  ASSERT_TRUE(comes_to_rest(child.pid(), 3));
  const auto runs_of_the_waiter = [&] {
    return find_thread((*target)->threads().value(), child.told(2))->run_counter;
  };
  const auto before = runs_of_the_waiter();
  const auto stop =
      (*target)->stop({copy_nothing, []() -> Result<void> { return fail(Failure::kGone, "it"); }});
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error().failure, Failure::kGone);
  EXPECT_EQ(runs_of_the_waiter(), before);
}

// The kernel may move it on, so not each time.
TEST(Stop, BeginsOnTheProcessorOfItsMaker) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  constexpr int kStops = 30;
  int same = 0;
  for (int round = 0; round < kStops; ++round) {
    const int maker = ::sched_getcpu();
    const auto warm = [&] {
      same += ::sched_getcpu() == maker ? 1 : 0;
      return Result<void>{};
    };
    ASSERT_TRUE((*target)->stop({copy_nothing, warm}));
  }
  EXPECT_GT(same, kStops * 2 / 3);
}

TEST(Stop, BindsNeitherThreadToAProcessor) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const cpu_set_t before = processors_of_this_thread();
  const auto stop = (*target)->stop({[&](std::span<const ThreadState>) {
    const cpu_set_t now = processors_of_this_thread();
    EXPECT_TRUE(CPU_EQUAL(&now, &before));
    return Result<void>{};
  }});
  ASSERT_TRUE(stop) << stop.error().what;
  const cpu_set_t after = processors_of_this_thread();
  EXPECT_TRUE(CPU_EQUAL(&after, &before));
}

TEST(Stop, CanBeTakenAgainAndAgain) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  for (int round = 0; round < 20; ++round) ASSERT_TRUE((*target)->stop({copy_nothing}));
  const std::uint64_t then = peek(**target, child.told(1)).value();
  EXPECT_TRUE(eventually([&] { return peek(**target, child.told(1)).value() > then; }));
}

TEST(Stop, StopsEveryThreadOfAStorm) {
  const Child child([](const auto& ready) {
    static std::atomic<std::uint64_t> born = 0;
    for (int maker = 0; maker < 3; ++maker) {
      std::thread([] {
        for (;; ++born) std::thread([] { ::usleep(200); }).detach();
      }).detach();
    }
    ready({reinterpret_cast<std::uint64_t>(&born)});
    sleep_for_ever();
  });
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const ProcDir process = ProcDir::open(child.pid()).value();
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(milliseconds(2));
    std::vector<Tid> alive;
    std::uint64_t then = 0;
    const auto stop = (*target)->stop({[&](std::span<const ThreadState>) {
      const std::vector<Tid> listed = process.threads().value();
      for (const Tid tid : listed) {
        const auto stat = process.read(of_thread(tid, "stat"));
        if (stat && !parse_stat(*stat)->ended()) alive.push_back(tid);
      }
      then = peek(**target, child.told(0)).value();
      std::this_thread::sleep_for(milliseconds(1));
      EXPECT_EQ(peek(**target, child.told(0)).value(), then);
      return Result<void>{};
    }});
    ASSERT_TRUE(stop) << stop.error().what;
    std::vector<Tid> stopped;
    for (const ThreadState& each : stop->threads) stopped.push_back(each.tid);
    ASSERT_EQ(stopped, alive);
    ASSERT_TRUE(eventually([&] { return peek(**target, child.told(0)).value() > then; }));
  }
}

TEST(Stop, LosesNoSignalOfTheTarget) {
  const Child child([](const auto& ready) {
    static std::atomic<std::uint64_t> handled = 0;
    struct sigaction action{};
    action.sa_handler = [](int) { ++handled; };
    ::sigaction(SIGRTMIN, &action, nullptr);
    ready({reinterpret_cast<std::uint64_t>(&handled)});
    sleep_for_ever();
  });
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  constexpr int kSignals = 400;
  std::atomic<bool> done = false;
  std::thread sender([&] {
    for (int i = 0; i < kSignals; ++i) {
      ::sigqueue(child.pid(), SIGRTMIN, {});
      ::usleep(100);
    }
    done = true;
  });
  while (!done) EXPECT_TRUE((*target)->stop({copy_nothing}));
  sender.join();
  EXPECT_TRUE(eventually([&] { return peek(**target, child.told(0)).value() == kSignals; }))
      << peek(**target, child.told(0)).value();
}

TEST(Stop, LeavesAJobThatWasStoppedStopped) {
  const Child child(wait_sleep_and_beat);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  ::kill(child.pid(), SIGSTOP);
  ASSERT_TRUE(eventually([&] { return state_of_process(child.pid()) == 'T'; }));
  const auto stop = (*target)->stop({copy_nothing});
  ASSERT_TRUE(stop) << stop.error().what;
  EXPECT_EQ(stop->threads.size(), 3u);
  EXPECT_TRUE(eventually([&] { return state_of_process(child.pid()) == 'T'; }));
  ::kill(child.pid(), SIGCONT);
  const std::uint64_t then = peek(**target, child.told(1)).value();
  EXPECT_TRUE(eventually([&] { return peek(**target, child.told(1)).value() > then; }));
}

TEST(Stop, NamesTheOtherTracer) {
  const Child child(wait_sleep_and_beat);
  const Child tracer([&](const auto& ready) {
    ready({::ptrace(PTRACE_SEIZE, child.pid(), nullptr, nullptr) == 0 ? 1u : 0u});
    sleep_for_ever();
  });
  ASSERT_EQ(tracer.told(0), 1u);
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target) << target.error().what;  // reading is not hindered
  const auto stop = (*target)->stop({copy_nothing});
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error().failure, Failure::kPermission);
  EXPECT_THAT(stop.error().what,
              HasSubstr("process " + std::to_string(tracer.pid()) + " traces it already"));
}

TEST(Stop, GivesUpOnAThreadThatCannotStopAndHarmsNothing) {
  const Child child([](const auto& ready) {
    static std::uint64_t beats = 0;
    ready({reinterpret_cast<std::uint64_t>(&beats)});
    if (::vfork() == 0) {  // the parent sleeps uninterruptibly until this one ends
      ::usleep(1'300'000);
      ::_exit(0);
    }
    for (;; ++beats) ::usleep(1000);
  });
  ASSERT_TRUE(eventually([&] { return state_of_process(child.pid()) == 'D'; }));
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const auto start = std::chrono::steady_clock::now();
  const auto stop = (*target)->stop({copy_nothing});
  const auto took = std::chrono::steady_clock::now() - start;
  ASSERT_FALSE(stop);
  EXPECT_EQ(stop.error().failure, Failure::kLimit);
  EXPECT_LT(took, milliseconds(2000));
  EXPECT_TRUE(eventually([&] { return peek(**target, child.told(0)).value() > 10; }));
  EXPECT_EQ(tracer_of(child.pid()), "0");
  EXPECT_NE(state_of_process(child.pid()), 'T');
}

// A process that executes another program as soon as a byte comes, from its main thread or not.
class Executing {
 public:
  Executing(int threads, bool from_the_main_thread) {
    EXPECT_EQ(::pipe(demand_), 0);
    child_.emplace([=, this](const auto& ready) {
      static std::atomic<std::uint64_t> first = 0;
      for (int i = 0; i < threads; ++i) std::thread(sleep_noted, &first).detach();
      if (!from_the_main_thread) std::thread([this] { execute(); }).detach();
      while (first == 0) std::this_thread::yield();
      ready({first});
      if (from_the_main_thread) execute();
      sleep_for_ever();
    });
  }
  Executing(const Executing&) = delete;
  Executing& operator=(const Executing&) = delete;
  ~Executing() {
    ::close(demand_[0]);
    ::close(demand_[1]);
  }

  void execute_now() { EXPECT_EQ(::write(demand_[1], "!", 1), 1); }
  [[nodiscard]] Child& child() { return *child_; }
  // It became the other program, and nobody holds it.
  [[nodiscard]] bool has_executed() const {
    return eventually([&] {
             const auto name = ProcDir::open(child_->pid()).value().read("comm");
             return name && *name == "sleep\n" && state_of_process(child_->pid()) == 'S';
           }) &&
           tracer_of(child_->pid()) == "0";
  }

 private:
  [[noreturn]] static void sleep_noted(std::atomic<std::uint64_t>* first) {
    std::uint64_t none = 0;
    first->compare_exchange_strong(none, static_cast<std::uint64_t>(own_tid()));
    sleep_for_ever();
  }
  void execute() const {
    char byte = 0;
    if (::read(demand_[0], &byte, 1) == 1) ::execl("/bin/sleep", "sleep", "600", nullptr);
  }

  int demand_[2]{};
  std::optional<Child> child_;
};

// Frees both when it does not end: the process is all that it can wait for.
Result<Stopped> stop_bounded(LiveTarget& target, Child& child, const StopWork& work) {
  auto stop = std::async([&] { return target.stop(work); });
  const bool ended = stop.wait_for(std::chrono::seconds(20)) == std::future_status::ready;
  EXPECT_TRUE(ended) << "a stop without end";
  if (!ended) child.end();
  return stop.get();
}

// The kernel lets nobody be seized meanwhile, and waits until who was seized has been collected.
TEST(Stop, NeverHoldsUpAProcessThatExecutesAnotherProgram) {
  int met = 0;
  for (int round = 0; round < 60; ++round) {
    Executing process(50 + 50 * (round % 5), round % 2 == 0);
    const auto target = open_live(process.child().pid());
    ASSERT_TRUE(target);
    const auto stopped = stop_bounded(**target, process.child(), {copy_nothing, [&] {
                                                                    process.execute_now();
                                                                    return Result<void>{};
                                                                  }});
    ASSERT_TRUE(stopped || stopped.error().failure == Failure::kGone)
        << "round " << round << ": " << stopped.error().what;
    met += !stopped || stopped->threads.size() == 1 ? 1 : 0;
    ASSERT_TRUE(process.has_executed()) << "round " << round;
  }
  EXPECT_GT(met, 0) << "it was stopped before it executed another program, each time";
}

// Of one that cannot go on for the sake of somebody else: a tracer that does not collect.
TEST(Stop, GivesUpOnAProcessThatIsHeldUpWhileItExecutesAnotherProgram) {
  Executing process(3, true);
  Child idle_tracer([&](const auto& ready) {
    ready({::ptrace(PTRACE_SEIZE, process.child().told(0), nullptr, nullptr) == 0 ? 1u : 0u});
    sleep_for_ever();
  });
  ASSERT_EQ(idle_tracer.told(0), 1u);
  const auto target = open_live(process.child().pid());
  ASSERT_TRUE(target);
  process.execute_now();
  ASSERT_TRUE(eventually([&] { return state_of_process(process.child().pid()) == 'D'; }));
  const auto stopped = stop_bounded(**target, process.child(), {copy_nothing});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().failure, Failure::kLimit) << stopped.error().what;
  EXPECT_THAT(stopped.error().what, HasSubstr("could not be seized within a second"));
  idle_tracer.end();
  EXPECT_TRUE(process.has_executed());
}

TEST(Stop, LeavesTheTargetRunningWhenTheTracerIsKilled) {
  const Child child(wait_sleep_and_beat);
  for (int round = 0; round < 30; ++round) {
    Child tracer([&](const auto& ready) {
      const auto target = open_live(child.pid());
      ready({});
      for (;;) {
        const auto stop = (*target)->stop({[](std::span<const ThreadState>) {
          ::usleep(500);
          return Result<void>{};
        }});
        static_cast<void>(stop);
      }
    });
    ::usleep(static_cast<useconds_t>(300 + 137 * round));
    tracer.end();
  }
  const auto target = open_live(child.pid());
  ASSERT_TRUE(target);
  const std::uint64_t then = peek(**target, child.told(1)).value();
  EXPECT_TRUE(eventually([&] { return peek(**target, child.told(1)).value() > then + 5; }));
  EXPECT_EQ(tracer_of(child.pid()), "0");
}

}  // namespace
}  // namespace hangspy::target
