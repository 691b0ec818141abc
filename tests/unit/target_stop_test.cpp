#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/ptrace.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "target/proc_dir.hpp"
#include "target_child.hpp"

namespace hangspy::target {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

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
