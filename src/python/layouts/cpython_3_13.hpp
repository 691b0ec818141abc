// CPython 3.13.0, with the GIL, x86-64. Do not edit; made from its DWARF by
//   layout_table 3.13.0 libpython3.13.so.1.0 _asyncio.so _queue.so
#pragma once

#include "python/layouts/layout.hpp"

// clang-format off
namespace hangspy::python::layouts {

inline constexpr Layout kCPython3_13{
    .runtime = {  // Include/internal/pycore_runtime.h
        .size = 283320,  // sizeof pyruntimestate
        .interpreters_head = 632,  // pyruntimestate.interpreters.head
        .gil = kAbsent,
        .autotss_key = 2160,  // pyruntimestate.autoTSSkey
    },
    .interpreter = {  // Include/internal/pycore_interp.h
        .size = 194968,  // sizeof _is
        .next = 7264,  // _is.next
        .id = 7272,  // _is.id
        .threads_head = 7344,  // _is.threads.head
        .modules = 7656,  // _is.imports.modules
        .gil_pointer = 16,  // _is.ceval.gil
        .own_gil = 7752,  // _is._gil
    },
    .thread = {  // Include/cpython/pystate.h, Include/internal/pycore_tstate.h
        .size = 304,  // sizeof _ts
        .next = 8,  // _ts.next
        .interpreter = 16,  // _ts.interp
        .frame_holder = kAbsent,
        .current_frame = 72,  // _ts.current_frame
        .thread_id = 152,  // _ts.thread_id
        .native_thread_id = 160,  // _ts.native_thread_id
        .dict = 128,  // _ts.dict
        .context = 208,  // _ts.context
        .running_loop = 304,  // _PyThreadStateImpl.asyncio_running_loop
    },
    .frame_holder = {  // Include/cpython/pystate.h
        .current_frame = kAbsent,
    },
    .frame = {  // Include/internal/pycore_frame.h
        .size = 80,  // sizeof _PyInterpreterFrame
        .executable = 0,  // _PyInterpreterFrame.f_executable
        .previous = 8,  // _PyInterpreterFrame.previous
        .globals = 24,  // _PyInterpreterFrame.f_globals
        .local_dict = 40,  // _PyInterpreterFrame.f_locals
        .instruction = 56,  // _PyInterpreterFrame.instr_ptr
        .stack_top = 64,  // _PyInterpreterFrame.stacktop
        .owner = 70,  // _PyInterpreterFrame.owner
        .locals = 72,  // _PyInterpreterFrame.localsplus
    },
    .code = {  // Include/cpython/code.h
        .size = 208,  // sizeof PyCodeObject
        .flags = 48,  // PyCodeObject.co_flags
        .first_line = 68,  // PyCodeObject.co_firstlineno
        .local_slots = 72,  // PyCodeObject.co_nlocalsplus
        .stack_size = 64,  // PyCodeObject.co_stacksize
        .constants = 24,  // PyCodeObject.co_consts
        .names = 32,  // PyCodeObject.co_names
        .local_names = 96,  // PyCodeObject.co_localsplusnames
        .local_kinds = 104,  // PyCodeObject.co_localspluskinds
        .file_name = 112,  // PyCodeObject.co_filename
        .name = 120,  // PyCodeObject.co_name
        .qualified_name = 128,  // PyCodeObject.co_qualname
        .line_table = 136,  // PyCodeObject.co_linetable
        .exception_table = 40,  // PyCodeObject.co_exceptiontable
        .bytecode = 200,  // PyCodeObject.co_code_adaptive
    },
    .generator = {  // Include/cpython/genobject.h, Include/internal/pycore_genobject.h
        .size = 80,  // sizeof PyGenObject
        .name = 24,  // PyGenObject.gi_name
        .qualified_name = 32,  // PyGenObject.gi_qualname
        .frame_state = 67,  // PyGenObject.gi_frame_state
        .frame = 72,  // PyGenObject.gi_iframe
    },
    .coroutine_wrapper = {  // Objects/genobject.c
        .coroutine = 16,  // PyCoroWrapper.cw_coroutine
    },
    .async_generator_send = {  // Objects/genobject.c
        .generator = 16,  // PyAsyncGenASend.ags_gen
    },
    .async_generator_throw = {  // Objects/genobject.c
        .generator = 16,  // PyAsyncGenAThrow.agt_gen
    },
    .object = {  // Include/object.h
        .size = 16,  // sizeof _object
        .reference_count = 0,  // _object.ob_refcnt
        .type = 8,  // _object.ob_type
    },
    .variable_object = {  // Include/object.h
        .size = 24,  // sizeof PyVarObject
        .item_count = 16,  // PyVarObject.ob_size
    },
    .type = {  // Include/cpython/object.h
        .size = 416,  // sizeof _typeobject
        .name = 24,  // _typeobject.tp_name
        .basic_size = 32,  // _typeobject.tp_basicsize
        .item_size = 40,  // _typeobject.tp_itemsize
        .flags = 168,  // _typeobject.tp_flags
        .members = 240,  // _typeobject.tp_members
        .base = 256,  // _typeobject.tp_base
        .dict = 264,  // _typeobject.tp_dict
        .dict_offset = 288,  // _typeobject.tp_dictoffset
        .mro = 344,  // _typeobject.tp_mro
        .weak_list_offset = 208,  // _typeobject.tp_weaklistoffset
    },
    .heap_type = {  // Include/cpython/object.h
        .size = 928,  // sizeof _heaptypeobject
        .name = 856,  // _heaptypeobject.ht_name
        .qualified_name = 872,  // _heaptypeobject.ht_qualname
        .cached_keys = 880,  // _heaptypeobject.ht_cached_keys
        .module = 888,  // _heaptypeobject.ht_module
    },
    .dict = {  // Include/cpython/dictobject.h
        .size = 48,  // sizeof PyDictObject
        .used = 16,  // PyDictObject.ma_used
        .keys = 32,  // PyDictObject.ma_keys
        .values = 40,  // PyDictObject.ma_values
    },
    .dict_keys = {  // Include/internal/pycore_dict.h
        .size = 32,  // sizeof _dictkeysobject
        .log2_size = 8,  // _dictkeysobject.dk_log2_size
        .log2_index_bytes = 9,  // _dictkeysobject.dk_log2_index_bytes
        .kind = 10,  // _dictkeysobject.dk_kind
        .entry_count = 24,  // _dictkeysobject.dk_nentries
        .indices = 32,  // _dictkeysobject.dk_indices
    },
    .dict_values = {  // Include/internal/pycore_dict.h
        .values = 8,  // _dictvalues.values
        .valid = 3,  // _dictvalues.valid
    },
    .list = {  // Include/cpython/listobject.h
        .items = 24,  // PyListObject.ob_item
    },
    .tuple = {  // Include/cpython/tupleobject.h
        .items = 24,  // PyTupleObject.ob_item
    },
    .set = {  // Include/cpython/setobject.h, Include/setobject.h
        .used = 24,  // PySetObject.used
        .mask = 32,  // PySetObject.mask
        .table = 40,  // PySetObject.table
    },
    .deque = {  // Modules/_collectionsmodule.c
        .size = 216,  // sizeof dequeobject
        .left_block = 24,  // dequeobject.leftblock
        .left_index = 40,  // dequeobject.leftindex
    },
    .deque_block = {  // Modules/_collectionsmodule.c
        .size = 528,  // sizeof BLOCK
        .left_link = 0,  // BLOCK.leftlink
        .data = 8,  // BLOCK.data
        .right_link = 520,  // BLOCK.rightlink
    },
    .integer = {  // Include/cpython/longintrepr.h
        .tag = 16,  // _longobject.long_value.lv_tag
        .digits = 24,  // _longobject.long_value.ob_digit
    },
    .floating = {  // Include/cpython/floatobject.h
        .value = 16,  // PyFloatObject.ob_fval
    },
    .string = {  // Include/cpython/unicodeobject.h
        .ascii_size = 40,  // sizeof PyASCIIObject
        .compact_size = 56,  // sizeof PyCompactUnicodeObject
        .length = 16,  // PyASCIIObject.length
        .state = 32,  // PyASCIIObject.state
        .data = 56,  // PyUnicodeObject.data
    },
    .bytes = {  // Include/cpython/bytesobject.h
        .data = 32,  // PyBytesObject.ob_sval
    },
    .weak_reference = {  // Include/cpython/weakrefobject.h
        .object = 16,  // _PyWeakReference.wr_object
    },
    .method = {  // Include/cpython/classobject.h
        .function = 16,  // PyMethodObject.im_func
        .self = 24,  // PyMethodObject.im_self
    },
    .builtin_function = {  // Include/cpython/methodobject.h
        .definition = 16,  // PyCFunctionObject.m_ml
        .self = 24,  // PyCFunctionObject.m_self
    },
    .function = {  // Include/cpython/funcobject.h
        .size = 144,  // sizeof PyFunctionObject
        .code = 48,  // PyFunctionObject.func_code
        .globals = 16,  // PyFunctionObject.func_globals
        .defaults = 56,  // PyFunctionObject.func_defaults
        .keyword_defaults = 64,  // PyFunctionObject.func_kwdefaults
        .closure = 72,  // PyFunctionObject.func_closure
        .qualified_name = 40,  // PyFunctionObject.func_qualname
    },
    .property = {  // Objects/descrobject.c
        .getter = 16,  // propertyobject.prop_get
    },
    .partial = {  // Modules/_functoolsmodule.c
        .size = 64,  // sizeof partialobject
        .function = 16,  // partialobject.fn
        .arguments = 24,  // partialobject.args
        .keywords = 32,  // partialobject.kw
    },
    .module = {  // Include/internal/pycore_moduleobject.h
        .dict = 16,  // PyModuleObject.md_dict
        .state = 32,  // PyModuleObject.md_state
    },
    .cell = {  // Include/cpython/cellobject.h
        .content = 16,  // PyCellObject.ob_ref
    },
    .lock = {  // Modules/_threadmodule.c
        .size = 40,  // sizeof lockobject
        .semaphore = 16,  // lockobject.lock_lock
        .mutex = kAbsent,
        .locked = 32,  // lockobject.locked
    },
    .recursive_lock = {  // Modules/_threadmodule.c
        .size = 48,  // sizeof rlockobject
        .semaphore = 16,  // rlockobject.rlock_lock
        .owner = 24,  // rlockobject.rlock_owner
        .count = 32,  // rlockobject.rlock_count
    },
    .simple_queue = {  // Modules/_queuemodule.c
        .size = 72,  // sizeof simplequeueobject
        .lock = kAbsent,
        .list = kAbsent,
        .list_position = kAbsent,
        .threads_waiting = 16,  // simplequeueobject.has_threads_waiting
        .ring_put = 24,  // simplequeueobject.buf.put_idx
        .ring_get = 32,  // simplequeueobject.buf.get_idx
        .ring_items = 40,  // simplequeueobject.buf.items
        .ring_capacity = 48,  // simplequeueobject.buf.items_cap
        .ring_count = 56,  // simplequeueobject.buf.num_items
    },
    .thread_handle_object = {  // Modules/_threadmodule.c
        .handle = 16,  // PyThreadHandleObject.handle
    },
    .thread_handle = {  // Modules/_threadmodule.c
        .ident = 32,  // ThreadHandle.ident
        .is_exiting = 57,  // ThreadHandle.thread_is_exiting
    },
    .future = {  // Modules/_asynciomodule.c
        .size = 104,  // sizeof FutureObj
        .loop = 16,  // FutureObj.fut_loop
        .callback = 24,  // FutureObj.fut_callback0
        .callback_context = 32,  // FutureObj.fut_context0
        .callbacks = 40,  // FutureObj.fut_callbacks
        .exception = 48,  // FutureObj.fut_exception
        .result = 64,  // FutureObj.fut_result
        .state = 96,  // FutureObj.fut_state
    },
    .task = {  // Modules/_asynciomodule.c
        .size = 144,  // sizeof TaskObj
        .waits_for = 112,  // TaskObj.task_fut_waiter
        .coroutine = 120,  // TaskObj.task_coro
        .name = 128,  // TaskObj.task_name
        .context = 136,  // TaskObj.task_context
        .cancels_requested = 104,  // TaskObj.task_num_cancels_requested
    },
    .future_iterator = {  // Modules/_asynciomodule.c
        .future = 16,  // futureiterobject.future
    },
    .task_step = {  // Modules/_asynciomodule.c
        .task = 16,  // TaskStepMethWrapper.sw_task
    },
    .gil = {  // Include/internal/pycore_gil.h
        .size = 208,  // sizeof _gil_runtime_state
        .last_holder = 8,  // _gil_runtime_state.last_holder
        .locked = 16,  // _gil_runtime_state.locked
    },
    .wait_entry = {  // Python/parking_lot.c
        .size = 72,  // sizeof wait_entry
        .address = 8,  // wait_entry.addr
        .semaphore = 16,  // wait_entry.sema
    },
};

}  // namespace hangspy::python::layouts
