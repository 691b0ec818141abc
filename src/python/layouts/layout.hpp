// Where the fields of CPython's structs lie, for one build of it.
//
// A Layout is data made from DWARF by generator/layout_table.cpp, one table per minor version and
// build kind (with the GIL, free-threaded). Below this folder nobody asks for a version number:
// what differs in kind rather than in place is a trait here.
#pragma once

#include <cstdint>

namespace hangspy::python::layouts {

// Bytes from the start of the struct. kAbsent where this build has no such field.
using Offset = std::uint32_t;
inline constexpr Offset kAbsent = 0xffffffff;

struct Layout {
  struct Runtime {
    Offset size, interpreters_head, gil, autotss_key;
  } runtime;
  struct Interpreter {
    Offset size, next, id, threads_head, modules, gil_pointer, own_gil;
  } interpreter;
  struct Thread {
    Offset size, next, interpreter, frame_holder, current_frame, thread_id, native_thread_id, dict,
        context, running_loop;
  } thread;
  struct FrameHolder {  // _PyCFrame, between a thread and its frame in 3.11 and 3.12
    Offset current_frame;
  } frame_holder;
  struct Frame {
    Offset size, executable, previous, globals, local_dict, instruction, stack_top, owner, locals;
  } frame;
  struct Code {
    Offset size, flags, first_line, local_slots, stack_size, constants, names, local_names,
        local_kinds, file_name, name, qualified_name, line_table, exception_table, bytecode;
  } code;
  struct Generator {  // coroutines and asynchronous generators too
    Offset size, name, qualified_name, frame_state, frame;
  } generator;
  struct CoroutineWrapper {
    Offset coroutine;
  } coroutine_wrapper;
  struct AsyncGeneratorSend {
    Offset generator;
  } async_generator_send;
  struct AsyncGeneratorThrow {
    Offset generator;
  } async_generator_throw;
  struct Object {
    Offset size, reference_count, type;
  } object;
  struct VariableObject {
    Offset size, item_count;
  } variable_object;
  struct Type {
    Offset size, name, basic_size, item_size, flags, members, base, dict, dict_offset, mro,
        weak_list_offset;
  } type;
  struct HeapType {
    Offset size, name, qualified_name, cached_keys, module;
  } heap_type;
  struct Dict {
    Offset size, used, keys, values;
  } dict;
  struct DictKeys {
    Offset size, log2_size, log2_index_bytes, kind, entry_count, indices;
  } dict_keys;
  struct DictValues {
    Offset values, valid;
  } dict_values;
  struct List {
    Offset items;
  } list;
  struct Tuple {
    Offset items;
  } tuple;
  struct Set {
    Offset used, mask, table;
  } set;
  struct Deque {
    Offset size, left_block, left_index;
  } deque;
  struct DequeBlock {
    Offset size, left_link, data, right_link;
  } deque_block;
  struct Integer {
    Offset tag,
        digits;  // tag: lv_tag (3.12 and later); absent before, when the item count has the sign
  } integer;
  struct Float {
    Offset value;
  } floating;
  struct String {
    Offset ascii_size, compact_size, length, state, data;
  } string;
  struct Bytes {
    Offset data;
  } bytes;
  struct WeakReference {
    Offset object;
  } weak_reference;
  struct Method {
    Offset function, self;
  } method;
  struct BuiltinFunction {
    Offset definition, self;  // definition: a PyMethodDef, whose first word is the name
  } builtin_function;
  struct Function {
    Offset size, code, globals, defaults, keyword_defaults, closure, qualified_name;
  } function;
  struct Property {
    Offset getter;
  } property;
  struct Partial {
    Offset size, function, arguments, keywords;
  } partial;
  struct Module {
    Offset dict, state;
  } module;
  struct Cell {
    Offset content;
  } cell;
  struct Lock {  // _thread.lock; `semaphore` up to 3.13.0, `mutex` after
    Offset size, semaphore, mutex, locked;
  } lock;
  struct RecursiveLock {
    Offset size, semaphore, owner, count;
  } recursive_lock;
  struct SimpleQueue {  // `lock`, `list`, `list_position` up to 3.12; the others after
    Offset size, lock, list, list_position, threads_waiting, ring_put, ring_get, ring_items,
        ring_capacity, ring_count;
  } simple_queue;
  struct ThreadHandleObject {  // 3.13 and later
    Offset handle;
  } thread_handle_object;
  struct ThreadHandle {
    Offset ident, is_exiting;
  } thread_handle;
  struct Future {  // _asyncio.Future; Task begins with the same fields
    Offset size, loop, callback, callback_context, callbacks, exception, result, state;
  } future;
  struct Task {
    Offset size, waits_for, coroutine, name, context, cancels_requested;
  } task;
  struct FutureIterator {
    Offset future;
  } future_iterator;
  struct TaskStep {  // TaskStepMethWrapper: the callable in a task's handle
    Offset task;
  } task_step;
  struct Gil {
    Offset size, last_holder, locked;
  } gil;
  struct WaitEntry {  // on the stack of a thread that parks (3.13 and later)
    Offset size, address, semaphore;
  } wait_entry;
};

}  // namespace hangspy::python::layouts
