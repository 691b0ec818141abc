#include <gtest/gtest.h>

#include <set>
#include <string>
#include <string_view>
#include <tuple>

#include "hangspy/snapshot.hpp"
#include "snapshot/fields.hpp"
#include "snapshot/words.hpp"
#include "snapshot_sample.hpp"

namespace hangspy::snapshot {
namespace {

Text text(std::string bytes) {
  return Text::of_target(std::move(bytes));
}

template <class Fact>
class SnapshotFields : public testing::Test {};
using Facts = testing::Types<Frame, ThreadWait, Thread, AwaitLink, Task, Future, Completion, Handle,
                             EventLoop, ConcurrentFuture, WorkItem, Executor, Lock, Holder,
                             References, Package, Runtime, Snapshot>;
TYPED_TEST_SUITE(SnapshotFields, Facts);

// fields.hpp does not compile unless it lists as many fields as there are, of the right types in
// the right order. What is left to check is that none stands twice in place of another.
TYPED_TEST(SnapshotFields, AreEachListedOnce) {
  const TypeParam fact;
  std::set<const void*> members;
  std::set<std::string_view> names;
  std::apply(
      [&](const auto&... field) {
        (members.insert(static_cast<const void*>(&(fact.*field.member))), ...);
        (names.insert(field.name), ...);
      },
      kFields<TypeParam>);
  constexpr std::size_t kCount =
      std::tuple_size_v<std::remove_const_t<decltype(kFields<TypeParam>)>>;
  EXPECT_EQ(members.size(), kCount);
  EXPECT_EQ(names.size(), kCount);
}

struct Two {
  int first = 0;
  Address second;
};
static_assert(HasExactly<Two, int, Address>);
static_assert(!HasExactly<Two, int>, "a field was forgotten");
static_assert(!HasExactly<Two, Address, int>, "the order is wrong");
static_assert(!HasExactly<Two, int, Address, int>, "one field too many");

template <class Enum>
void expect_words_are_distinct(std::size_t count) {
  std::set<std::string_view> words;
  for (std::uint8_t place = 0; !word_of(enumerator_at<Enum>(place)).empty(); ++place) {
    words.insert(word_of(enumerator_at<Enum>(place)));
    EXPECT_EQ(from_word<Enum>(word_of(enumerator_at<Enum>(place))), enumerator_at<Enum>(place));
  }
  EXPECT_EQ(words.size(), count);
  EXPECT_EQ(from_word<Enum>(""), std::nullopt);
}

TEST(SnapshotWords, AreDistinctAndReadBack) {
  expect_words_are_distinct<Origin>(4);
  expect_words_are_distinct<Activity>(3);
  expect_words_are_distinct<WaitKind>(12);
  expect_words_are_distinct<FutureState>(3);
  expect_words_are_distinct<CompleterKind>(3);
  expect_words_are_distinct<HandleKind>(3);
  expect_words_are_distinct<ExecutorKind>(2);
  expect_words_are_distinct<LockKind>(2);
  expect_words_are_distinct<HolderKind>(4);
}

TEST(SnapshotJson, OfAnEmptySnapshotReadsBack) {
  const auto again = parse(to_json({}));
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(*again, Snapshot{});
}

TEST(SnapshotJson, OfEveryFieldReadsBackUnchanged) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    const Snapshot snapshot = Sampler(seed).snapshot();
    const std::string json = to_json(snapshot);
    const auto again = parse(json);
    ASSERT_TRUE(again) << "seed " << seed << ": " << again.error().what;
    ASSERT_EQ(*again, snapshot) << "seed " << seed << ": " << json;
    ASSERT_EQ(to_json(*again), json);
  }
}

TEST(SnapshotJson, LooksLikeThis) {
  Snapshot snapshot;
  snapshot.pid = 4182;
  Thread& thread = snapshot.threads.emplace_back();
  thread.state = Address{0x7f3a1c0d2b80};
  thread.name = text("worker\x1b\xff\\");
  thread.activity = Activity::kInSyscall;
  thread.wait.kind = WaitKind::kServeUntil;
  thread.wait.evidence = {"frame", "futex"};
  const std::string json = to_json(snapshot);
  EXPECT_TRUE(json.starts_with("{\n \"is_core\": false,\n \"pid\": 4182,\n \"runtime\": {\n"));
  const std::string expected = R"(
 "threads": [
  {
   "state": "0x7f3a1c0d2b80",
   "tid": 0,
   "ident": "0x0",
   "object": "0x0",
   "name": "worker\u001b\\xff\\\\",
   "activity": "in-syscall",
   "syscall": -1,
   "slept": false,
   "moves": false,
   "running_loop": "0x0",
   "runs_handle": "0x0",
   "frames": [],
   "wait": {
    "kind": "serve-until",
    "object": "0x0",
    "server": "0x0",
    "frame": 0,
    "timed": false,
    "evidence": [
     "frame",
     "futex"
    ]
   }
  }
 ],
)";
  EXPECT_NE(json.find(expected), std::string::npos) << json;
}

TEST(SnapshotJson, KeepsABytewiseTextAndATimeThatIsNoNumber) {
  Snapshot snapshot;
  EventLoop& loop = snapshot.loops.emplace_back();
  loop.type = text(std::string("\0\xed\xa0\x80\xc3\x28 \\x41", 11));
  loop.now = -std::numeric_limits<double>::infinity();
  const auto again = parse(to_json(snapshot));
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(*again, snapshot);
  loop.now = std::numeric_limits<double>::quiet_NaN();
  const auto with_nan = parse(to_json(snapshot));
  ASSERT_TRUE(with_nan) << with_nan.error().what;
  ASSERT_TRUE(with_nan->loops[0].now.has_value());
  EXPECT_NE(*with_nan->loops[0].now, *with_nan->loops[0].now);
}

TEST(SnapshotJson, SurvivesWordsOfOursThatAreNotUtf8) {
  Snapshot snapshot;
  snapshot.missing = {"\xff"};
  const auto again = parse(to_json(snapshot));
  ASSERT_TRUE(again) << again.error().what;
  EXPECT_EQ(again->missing, std::vector<std::string>{"\xef\xbf\xbd"});
}

}  // namespace
}  // namespace hangspy::snapshot
