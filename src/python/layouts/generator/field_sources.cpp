// The one table of the generator. Members are those of the tags v3.11.7, v3.12.1 and v3.13.0; where
// a version names a member differently, the names stand side by side.
#include "field_sources.hpp"

#include <array>

namespace hangspy::python::layouts {
namespace {

constexpr auto kRuntime = std::to_array<FieldSource>({
    {"size", ""},
    {"interpreters_head", "interpreters.head"},
    {"gil", "ceval.gil", {11, 11}},
    {"autotss_key", "gilstate.autoTSSkey|autoTSSkey"},
});
constexpr auto kInterpreter = std::to_array<FieldSource>({
    {"size", ""},
    {"next", "next"},
    {"id", "id"},
    {"threads_head", "threads.head"},
    {"modules", "modules|imports.modules"},
    {"gil_pointer", "ceval.gil", {12}},
    {"own_gil", "_gil", {12}},
});
constexpr auto kThread = std::to_array<FieldSource>({
    {"size", "sizeof _ts"},
    {"next", "next"},
    {"interpreter", "interp"},
    {"frame_holder", "cframe", {11, 12}},
    {"current_frame", "current_frame", {13}},
    {"thread_id", "thread_id"},
    {"native_thread_id", "native_thread_id"},
    {"dict", "dict"},
    {"context", "context"},
    {"running_loop", "asyncio_running_loop", {13}},
});
constexpr auto kFrameHolder = std::to_array<FieldSource>({
    {"current_frame", "current_frame", {11, 12}},
});
constexpr auto kFrame = std::to_array<FieldSource>({
    {"size", ""},
    {"executable", "f_code|f_executable"},
    {"previous", "previous"},
    {"globals", "f_globals"},
    {"local_dict", "f_locals"},
    {"instruction", "prev_instr|instr_ptr"},
    {"stack_top", "stacktop"},
    {"owner", "owner"},
    {"locals", "localsplus"},
});
constexpr auto kCode = std::to_array<FieldSource>({
    {"size", ""},
    {"flags", "co_flags"},
    {"first_line", "co_firstlineno"},
    {"local_slots", "co_nlocalsplus"},
    {"stack_size", "co_stacksize"},
    {"constants", "co_consts"},
    {"names", "co_names"},
    {"local_names", "co_localsplusnames"},
    {"local_kinds", "co_localspluskinds"},
    {"file_name", "co_filename"},
    {"name", "co_name"},
    {"qualified_name", "co_qualname"},
    {"line_table", "co_linetable"},
    {"exception_table", "co_exceptiontable"},
    {"bytecode", "co_code_adaptive"},
});
constexpr auto kGenerator = std::to_array<FieldSource>({
    {"size", ""},
    {"name", "gi_name"},
    {"qualified_name", "gi_qualname"},
    {"frame_state", "gi_frame_state"},
    {"frame", "gi_iframe"},
});
constexpr auto kCoroutineWrapper = std::to_array<FieldSource>({
    {"coroutine", "cw_coroutine"},
});
constexpr auto kAsyncGeneratorSend = std::to_array<FieldSource>({
    {"generator", "ags_gen"},
});
constexpr auto kAsyncGeneratorThrow = std::to_array<FieldSource>({
    {"generator", "agt_gen"},
});
constexpr auto kObject = std::to_array<FieldSource>({
    {"size", ""},
    {"reference_count", "ob_refcnt"},
    {"type", "ob_type"},
});
constexpr auto kVariableObject = std::to_array<FieldSource>({
    {"size", ""},
    {"item_count", "ob_size"},
});
constexpr auto kType = std::to_array<FieldSource>({
    {"size", ""},
    {"name", "tp_name"},
    {"basic_size", "tp_basicsize"},
    {"item_size", "tp_itemsize"},
    {"flags", "tp_flags"},
    {"members", "tp_members"},
    {"base", "tp_base"},
    {"dict", "tp_dict"},
    {"dict_offset", "tp_dictoffset"},
    {"mro", "tp_mro"},
    {"weak_list_offset", "tp_weaklistoffset"},
});
constexpr auto kHeapType = std::to_array<FieldSource>({
    {"size", ""},
    {"name", "ht_name"},
    {"qualified_name", "ht_qualname"},
    {"cached_keys", "ht_cached_keys"},
    {"module", "ht_module"},
});
constexpr auto kDict = std::to_array<FieldSource>({
    {"size", ""},
    {"used", "ma_used"},
    {"keys", "ma_keys"},
    {"values", "ma_values"},
});
constexpr auto kDictKeys = std::to_array<FieldSource>({
    {"size", ""},
    {"log2_size", "dk_log2_size"},
    {"log2_index_bytes", "dk_log2_index_bytes"},
    {"kind", "dk_kind"},
    {"entry_count", "dk_nentries"},
    {"indices", "dk_indices"},
});
constexpr auto kDictValues = std::to_array<FieldSource>({
    {"values", "values"},
    {"valid", "valid", {13}},
});
constexpr auto kList = std::to_array<FieldSource>({
    {"items", "ob_item"},
});
constexpr auto kTuple = std::to_array<FieldSource>({
    {"items", "ob_item"},
});
constexpr auto kSet = std::to_array<FieldSource>({
    {"used", "used"},
    {"mask", "mask"},
    {"table", "table"},
});
constexpr auto kDeque = std::to_array<FieldSource>({
    {"size", ""},
    {"left_block", "leftblock"},
    {"left_index", "leftindex"},
});
constexpr auto kDequeBlock = std::to_array<FieldSource>({
    {"size", ""},
    {"left_link", "leftlink"},
    {"data", "data"},
    {"right_link", "rightlink"},
});
constexpr auto kInteger = std::to_array<FieldSource>({
    {"tag", "long_value.lv_tag", {12}},
    {"digits", "ob_digit|long_value.ob_digit"},
});
constexpr auto kFloating = std::to_array<FieldSource>({
    {"value", "ob_fval"},
});
constexpr auto kString = std::to_array<FieldSource>({
    {"ascii_size", "sizeof PyASCIIObject"},
    {"compact_size", "sizeof PyCompactUnicodeObject"},
    {"length", "length"},
    {"state", "state"},
    {"data", "data"},
});
constexpr auto kBytes = std::to_array<FieldSource>({
    {"data", "ob_sval"},
});
constexpr auto kWeakReference = std::to_array<FieldSource>({
    {"object", "wr_object"},
});
constexpr auto kMethod = std::to_array<FieldSource>({
    {"function", "im_func"},
    {"self", "im_self"},
});
constexpr auto kBuiltinFunction = std::to_array<FieldSource>({
    {"definition", "m_ml"},
    {"self", "m_self"},
});
constexpr auto kFunction = std::to_array<FieldSource>({
    {"size", ""},
    {"code", "func_code"},
    {"globals", "func_globals"},
    {"defaults", "func_defaults"},
    {"keyword_defaults", "func_kwdefaults"},
    {"closure", "func_closure"},
    {"qualified_name", "func_qualname"},
});
constexpr auto kProperty = std::to_array<FieldSource>({
    {"getter", "prop_get"},
});
constexpr auto kPartial = std::to_array<FieldSource>({
    {"size", ""},
    {"function", "fn"},
    {"arguments", "args"},
    {"keywords", "kw"},
});
constexpr auto kModule = std::to_array<FieldSource>({
    {"dict", "md_dict"},
    {"state", "md_state"},
});
constexpr auto kCell = std::to_array<FieldSource>({
    {"content", "ob_ref"},
});
constexpr auto kLock = std::to_array<FieldSource>({
    {"size", ""},
    {"semaphore", "lock_lock", kSomeReleases},
    {"mutex", "lock", kSomeReleases},
    {"locked", "locked", kSomeReleases},
});
constexpr auto kRecursiveLock = std::to_array<FieldSource>({
    {"size", ""},
    {"semaphore", "rlock_lock", {11, 13}},
    {"owner", "rlock_owner|lock.thread"},
    {"count", "rlock_count|lock.level"},
});
constexpr auto kSimpleQueue = std::to_array<FieldSource>({
    {"size", ""},
    {"lock", "lock", {11, 12}},
    {"list", "lst", {11, 12}},
    {"list_position", "lst_pos", {11, 12}},
    {"threads_waiting", "has_threads_waiting", {13}},
    {"ring_put", "buf.put_idx", {13}},
    {"ring_get", "buf.get_idx", {13}},
    {"ring_items", "buf.items", {13}},
    {"ring_capacity", "buf.items_cap", {13}},
    {"ring_count", "buf.num_items", {13}},
});
constexpr auto kThreadHandleObject = std::to_array<FieldSource>({
    {"handle", "handle", {13}},
});
constexpr auto kThreadHandle = std::to_array<FieldSource>({
    {"ident", "ident", {13}},
    {"is_exiting", "thread_is_exiting", {13}},
});
constexpr auto kFuture = std::to_array<FieldSource>({
    {"size", ""},
    {"loop", "fut_loop"},
    {"callback", "fut_callback0"},
    {"callback_context", "fut_context0"},
    {"callbacks", "fut_callbacks"},
    {"exception", "fut_exception"},
    {"result", "fut_result"},
    {"state", "fut_state"},
});
constexpr auto kTask = std::to_array<FieldSource>({
    {"size", ""},
    {"waits_for", "task_fut_waiter"},
    {"coroutine", "task_coro"},
    {"name", "task_name"},
    {"context", "task_context"},
    {"cancels_requested", "task_num_cancels_requested"},
});
constexpr auto kFutureIterator = std::to_array<FieldSource>({
    {"future", "future"},
});
constexpr auto kTaskStep = std::to_array<FieldSource>({
    {"task", "sw_task"},
});
constexpr auto kGil = std::to_array<FieldSource>({
    {"size", ""},
    {"last_holder", "last_holder"},
    {"locked", "locked"},
});
constexpr auto kWaitEntry = std::to_array<FieldSource>({
    {"size", "", {13}},
    {"address", "addr", {13}},
    {"semaphore", "sema", {13}},
});

constexpr auto kGroups = std::to_array<GroupSource>({
    {"runtime", "pyruntimestate", "Include/internal/pycore_runtime.h", kRuntime},
    {"interpreter", "_is", "Include/internal/pycore_interp.h", kInterpreter},
    {"thread", "_ts|_PyThreadStateImpl",
     "Include/cpython/pystate.h, Include/internal/pycore_tstate.h", kThread},
    {"frame_holder", "_PyCFrame", "Include/cpython/pystate.h", kFrameHolder},
    {"frame", "_PyInterpreterFrame", "Include/internal/pycore_frame.h", kFrame},
    {"code", "PyCodeObject", "Include/cpython/code.h", kCode},
    {"generator", "PyGenObject", "Include/cpython/genobject.h, Include/internal/pycore_genobject.h",
     kGenerator},
    {"coroutine_wrapper", "PyCoroWrapper", "Objects/genobject.c", kCoroutineWrapper},
    {"async_generator_send", "PyAsyncGenASend", "Objects/genobject.c", kAsyncGeneratorSend},
    {"async_generator_throw", "PyAsyncGenAThrow", "Objects/genobject.c", kAsyncGeneratorThrow},
    {"object", "_object", "Include/object.h", kObject},
    {"variable_object", "PyVarObject", "Include/object.h", kVariableObject},
    {"type", "_typeobject", "Include/cpython/object.h", kType},
    {"heap_type", "_heaptypeobject", "Include/cpython/object.h", kHeapType},
    {"dict", "PyDictObject", "Include/cpython/dictobject.h", kDict},
    {"dict_keys", "_dictkeysobject", "Include/internal/pycore_dict.h", kDictKeys},
    {"dict_values", "_dictvalues", "Include/internal/pycore_dict.h", kDictValues},
    {"list", "PyListObject", "Include/cpython/listobject.h", kList},
    {"tuple", "PyTupleObject", "Include/cpython/tupleobject.h", kTuple},
    {"set", "PySetObject", "Include/cpython/setobject.h, Include/setobject.h", kSet},
    {"deque", "dequeobject", "Modules/_collectionsmodule.c", kDeque},
    {"deque_block", "BLOCK", "Modules/_collectionsmodule.c", kDequeBlock},
    {"integer", "_longobject", "Include/cpython/longintrepr.h", kInteger},
    {"floating", "PyFloatObject", "Include/cpython/floatobject.h", kFloating},
    {"string", "PyASCIIObject|PyUnicodeObject", "Include/cpython/unicodeobject.h", kString},
    {"bytes", "PyBytesObject", "Include/cpython/bytesobject.h", kBytes},
    {"weak_reference", "_PyWeakReference", "Include/cpython/weakrefobject.h", kWeakReference},
    {"method", "PyMethodObject", "Include/cpython/classobject.h", kMethod},
    {"builtin_function", "PyCFunctionObject", "Include/cpython/methodobject.h", kBuiltinFunction},
    {"function", "PyFunctionObject", "Include/cpython/funcobject.h", kFunction},
    {"property", "propertyobject", "Objects/descrobject.c", kProperty},
    {"partial", "partialobject", "Modules/_functoolsmodule.c", kPartial},
    {"module", "PyModuleObject", "Include/internal/pycore_moduleobject.h", kModule},
    {"cell", "PyCellObject", "Include/cpython/cellobject.h", kCell},
    {"lock", "lockobject", "Modules/_threadmodule.c", kLock},
    {"recursive_lock", "rlockobject", "Modules/_threadmodule.c", kRecursiveLock},
    {"simple_queue", "simplequeueobject", "Modules/_queuemodule.c", kSimpleQueue},
    {"thread_handle_object", "PyThreadHandleObject", "Modules/_threadmodule.c",
     kThreadHandleObject},
    {"thread_handle", "ThreadHandle", "Modules/_threadmodule.c", kThreadHandle},
    {"future", "FutureObj", "Modules/_asynciomodule.c", kFuture},
    {"task", "TaskObj", "Modules/_asynciomodule.c", kTask},
    {"future_iterator", "futureiterobject", "Modules/_asynciomodule.c", kFutureIterator},
    {"task_step", "TaskStepMethWrapper", "Modules/_asynciomodule.c", kTaskStep},
    {"gil", "_gil_runtime_state", "Include/internal/pycore_gil.h", kGil},
    {"wait_entry", "wait_entry", "Python/parking_lot.c", kWaitEntry},
});

}  // namespace

std::span<const GroupSource> field_sources() {
  return kGroups;
}

}  // namespace hangspy::python::layouts
