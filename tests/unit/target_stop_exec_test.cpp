// A stop of a process that executes another program meanwhile: neither waits for the other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/ptrace.h>

#include <future>
#include <memory>
#include <optional>

#include "target/proc_dir.hpp"
#include "target_child.hpp"

namespace hangspy::target {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace hangspy::target
