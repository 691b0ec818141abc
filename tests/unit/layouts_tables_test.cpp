// The generated tables fit into their structs, hold numbers that were measured apart from the
// generator (with gdb, from the same interpreters), and are chosen by version.
#include <gtest/gtest.h>

#include <initializer_list>

#include "python/layouts/cpython_3_11.hpp"
#include "python/layouts/cpython_3_12.hpp"
#include "python/layouts/cpython_3_13.hpp"
#include "python/layouts/layouts.hpp"

namespace hangspy::python::layouts {
namespace {

// Absent fields fit. A field may begin at the end of nothing but a struct of variable size.
constexpr bool within(Offset size, std::initializer_list<Offset> fields) {
  for (const auto field : fields) {
    if (field != kAbsent && (size == kAbsent || field >= size)) return false;
  }
  return true;
}

constexpr bool runtime_fits(const Layout& l) {
  const auto& r = l.runtime;
  const auto& i = l.interpreter;
  const auto& t = l.thread;
  return within(r.size, {r.interpreters_head, r.gil, r.autotss_key}) &&
         within(i.size, {i.next, i.id, i.threads_head, i.modules, i.gil_pointer, i.own_gil}) &&
         within(t.size, {t.next, t.interpreter, t.frame_holder, t.current_frame, t.thread_id,
                         t.native_thread_id, t.dict, t.context}) &&
         (t.running_loop == kAbsent || t.running_loop == t.size) &&
         within(l.gil.size, {l.gil.last_holder, l.gil.locked}) &&
         within(l.wait_entry.size, {l.wait_entry.address, l.wait_entry.semaphore});
}

constexpr bool frames_fit(const Layout& l) {
  const auto& f = l.frame;
  const auto& c = l.code;
  const auto& g = l.generator;
  return within(f.size, {f.executable, f.previous, f.globals, f.local_dict, f.instruction,
                         f.stack_top, f.owner, f.locals}) &&
         within(c.size, {c.flags, c.first_line, c.local_slots, c.stack_size, c.constants, c.names,
                         c.local_names, c.local_kinds, c.file_name, c.name, c.qualified_name,
                         c.line_table, c.exception_table, c.bytecode}) &&
         within(g.size, {g.name, g.qualified_name, g.frame_state, g.frame});
}

constexpr bool objects_fit(const Layout& l) {
  const auto& t = l.type;
  const auto& h = l.heap_type;
  const auto& f = l.function;
  return within(l.object.size, {l.object.reference_count, l.object.type}) &&
         within(l.variable_object.size, {l.variable_object.item_count}) &&
         within(t.size, {t.name, t.basic_size, t.item_size, t.flags, t.members, t.base, t.dict,
                         t.dict_offset, t.mro, t.weak_list_offset}) &&
         within(h.size, {h.name, h.qualified_name, h.cached_keys, h.module}) &&
         within(l.dict.size, {l.dict.used, l.dict.keys, l.dict.values}) &&
         within(l.dict_keys.size + 1,  // the indices follow
                {l.dict_keys.log2_size, l.dict_keys.log2_index_bytes, l.dict_keys.kind,
                 l.dict_keys.entry_count, l.dict_keys.indices}) &&
         within(l.deque.size, {l.deque.left_block, l.deque.left_index}) &&
         within(l.deque_block.size,
                {l.deque_block.left_link, l.deque_block.data, l.deque_block.right_link}) &&
         within(l.string.ascii_size, {l.string.length, l.string.state}) &&
         within(f.size,
                {f.code, f.globals, f.defaults, f.keyword_defaults, f.closure, f.qualified_name}) &&
         within(l.partial.size, {l.partial.function, l.partial.arguments, l.partial.keywords});
}

constexpr bool waits_fit(const Layout& l) {
  const auto& q = l.simple_queue;
  const auto& f = l.future;
  const auto& t = l.task;
  return within(l.lock.size, {l.lock.semaphore, l.lock.mutex, l.lock.locked}) &&
         within(l.recursive_lock.size,
                {l.recursive_lock.semaphore, l.recursive_lock.owner, l.recursive_lock.count}) &&
         within(q.size, {q.lock, q.list, q.list_position, q.threads_waiting, q.ring_put, q.ring_get,
                         q.ring_items, q.ring_capacity, q.ring_count}) &&
         within(f.size, {f.loop, f.callback, f.callback_context, f.callbacks, f.exception, f.result,
                         f.state}) &&
         within(t.size, {t.waits_for, t.coroutine, t.name, t.context, t.cancels_requested}) &&
         t.coroutine > f.state;  // a task begins like a future
}

constexpr bool fits(const Layout& l) {
  return runtime_fits(l) && frames_fit(l) && objects_fit(l) && waits_fit(l);
}

static_assert(fits(kCPython3_11));
static_assert(fits(kCPython3_12));
static_assert(fits(kCPython3_13));

// What one release calls by another form than the next is absent in the other.
static_assert(kCPython3_11.runtime.gil != kAbsent && kCPython3_12.runtime.gil == kAbsent);
static_assert(kCPython3_11.interpreter.gil_pointer == kAbsent);
static_assert(kCPython3_12.thread.frame_holder != kAbsent);
static_assert(kCPython3_13.thread.frame_holder == kAbsent);
static_assert(kCPython3_12.simple_queue.list != kAbsent);
static_assert(kCPython3_13.simple_queue.list == kAbsent);

TEST(LayoutTables, HoldTheNumbersOf3_11) {
  const auto& l = kCPython3_11;
  EXPECT_EQ(l.runtime.size, 166688U);
  EXPECT_EQ(l.runtime.interpreters_head, 40U);
  EXPECT_EQ(l.runtime.gil, 360U);
  EXPECT_EQ(l.interpreter.threads_head, 16U);
  EXPECT_EQ(l.interpreter.modules, 888U);
  EXPECT_EQ(l.thread.frame_holder, 56U);
  EXPECT_EQ(l.frame_holder.current_frame, 8U);
  EXPECT_EQ(l.thread.dict, 128U);
  EXPECT_EQ(l.frame.previous, 48U);
  EXPECT_EQ(l.frame.executable, 32U);
  EXPECT_EQ(l.frame.owner, 69U);
  EXPECT_EQ(l.code.bytecode, 184U);
  EXPECT_EQ(l.generator.frame_state, 75U);
  EXPECT_EQ(l.generator.frame, 80U);
  EXPECT_EQ(l.string.ascii_size, 48U);
  EXPECT_EQ(l.integer.tag, kAbsent);
  EXPECT_EQ(l.task.coroutine, 136U);
}

TEST(LayoutTables, HoldTheNumbersOf3_12) {
  const auto& l = kCPython3_12;
  EXPECT_EQ(l.runtime.size, 459944U);
  EXPECT_EQ(l.interpreter.threads_head, 72U);
  EXPECT_EQ(l.interpreter.gil_pointer, 384U);
  EXPECT_EQ(l.interpreter.own_gil, 1040U);
  EXPECT_EQ(l.thread.frame_holder, 56U);
  EXPECT_EQ(l.frame_holder.current_frame, 0U);
  EXPECT_EQ(l.thread.thread_id, 136U);
  EXPECT_EQ(l.frame.owner, 70U);
  EXPECT_EQ(l.code.bytecode, 192U);
  EXPECT_EQ(l.string.compact_size, 56U);
  EXPECT_EQ(l.integer.tag, 16U);
  EXPECT_EQ(l.heap_type.cached_keys, 880U);
  EXPECT_EQ(l.simple_queue.list_position, 40U);
  EXPECT_EQ(l.task.size, 176U);
  EXPECT_EQ(l.task.waits_for, 128U);
}

TEST(LayoutTables, HoldTheNumbersOf3_13) {
  const auto& l = kCPython3_13;
  EXPECT_EQ(l.interpreter.next, 7264U);
  EXPECT_EQ(l.interpreter.modules, 7656U);
  EXPECT_EQ(l.thread.current_frame, 72U);
  EXPECT_EQ(l.thread.running_loop, 304U);
  EXPECT_EQ(l.code.bytecode, 200U);
  EXPECT_EQ(l.dict_values.values, 8U);
  EXPECT_EQ(l.dict_values.valid, 3U);
  EXPECT_EQ(l.thread_handle.is_exiting, 57U);
  EXPECT_EQ(l.simple_queue.ring_items, 24U + 16U);
  EXPECT_EQ(l.wait_entry.address, 8U);
  EXPECT_EQ(l.future.state, 96U);
  EXPECT_EQ(l.task.waits_for, 112U);
  EXPECT_EQ(l.lock.semaphore, 16U);
  EXPECT_EQ(l.lock.mutex, kAbsent);
}

TEST(LayoutOfAVersion, HasTheTraitsOfItsRelease) {
  const auto eleven = layout_of(3, 11, false).value();
  EXPECT_TRUE(eleven.traits.frames_through_holder);
  EXPECT_EQ(eleven.traits.attributes, Attributes::kValuesThenDict);
  EXPECT_EQ(eleven.traits.running_loop, RunningLoop::kThreadDictHolder);
  EXPECT_EQ(eleven.traits.first_shim_owner, 0xff);
  const auto twelve = layout_of(3, 12, false).value();
  EXPECT_TRUE(twelve.traits.frames_through_holder);
  EXPECT_EQ(twelve.traits.suspended, Suspended::kResumeArgument);
  EXPECT_EQ(twelve.traits.attributes, Attributes::kTaggedWord);
  EXPECT_EQ(twelve.traits.integers, Integers::kTag);
  EXPECT_EQ(twelve.traits.first_shim_owner, 3);
  const auto thirteen = layout_of(3, 13, false).value();
  EXPECT_FALSE(thirteen.traits.frames_through_holder);
  EXPECT_EQ(thirteen.traits.suspended, Suspended::kFrameState);
  EXPECT_EQ(thirteen.traits.state_suspended_yield_from, -1);
  EXPECT_EQ(thirteen.traits.state_suspended, -2);
  EXPECT_EQ(thirteen.traits.running_loop, RunningLoop::kThreadField);
  EXPECT_EQ(thirteen.traits.thread_join, ThreadJoin::kHandle);
}

// A trait and the field that it speaks of come and go together.
TEST(LayoutOfAVersion, TraitsAgreeWithTheTable) {
  for (const int minor : {11, 12, 13}) {
    const auto [layout, traits] = layout_of(3, minor, false).value();
    EXPECT_EQ(traits.frames_through_holder, layout.thread.frame_holder != kAbsent) << minor;
    EXPECT_EQ(traits.frames_through_holder, layout.thread.current_frame == kAbsent) << minor;
    EXPECT_EQ(traits.integers == Integers::kTag, layout.integer.tag != kAbsent) << minor;
    EXPECT_EQ(traits.running_loop == RunningLoop::kThreadField,
              layout.thread.running_loop != kAbsent)
        << minor;
    EXPECT_EQ(traits.thread_join == ThreadJoin::kHandle, layout.thread_handle.is_exiting != kAbsent)
        << minor;
    EXPECT_EQ(traits.attributes == Attributes::kDictThenInline, layout.dict_values.valid != kAbsent)
        << minor;
  }
}

TEST(LayoutOfAVersion, NamesAnUnsupportedVersionAndTheRange) {
  const auto old = layout_of(3, 9, false);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().failure, Failure::kUnsupported);
  EXPECT_EQ(
      old.error().what,
      "CPython 3.9 is not supported yet: this hangspy reads 3.11, 3.12 and 3.13 with the GIL");
  const auto free_threaded = layout_of(3, 13, true);
  ASSERT_FALSE(free_threaded);
  EXPECT_EQ(free_threaded.error().what,
            "CPython 3.13 without the GIL is not supported yet: this hangspy reads 3.11, 3.12 and "
            "3.13 with the GIL");
  EXPECT_FALSE(layout_of(2, 7, false));
  EXPECT_FALSE(layout_of(3, 14, false));
  EXPECT_FALSE(layout_of(4, 13, false));
}

TEST(ChooseLock, KeepsTheTableWhenTheSizeIsItsOwn) {
  auto layout = kCPython3_12;
  ASSERT_TRUE(choose_lock(layout, 40));
  EXPECT_EQ(layout.lock.semaphore, 16U);
}

TEST(ChooseLock, TakesTheMutexFormOf3_13_1) {
  auto layout = kCPython3_13;
  ASSERT_TRUE(choose_lock(layout, 24));
  EXPECT_EQ(layout.lock.size, 24U);
  EXPECT_EQ(layout.lock.mutex, 16U);
  EXPECT_EQ(layout.lock.semaphore, kAbsent);
  EXPECT_EQ(layout.lock.locked, kAbsent);
}

TEST(ChooseLock, RefusesASizeThatNoReleaseHas) {
  auto layout = kCPython3_13;
  const auto wrong = choose_lock(layout, 32);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().failure, Failure::kUnsupported);
  EXPECT_NE(wrong.error().what.find("32"), std::string::npos);
  EXPECT_NE(wrong.error().what.find("40"), std::string::npos);
  EXPECT_EQ(layout.lock.size, 40U);
  auto without_mutexes = kCPython3_12;
  EXPECT_FALSE(choose_lock(without_mutexes, 24));
}

}  // namespace
}  // namespace hangspy::python::layouts
