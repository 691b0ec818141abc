#include "raw_objects.hpp"

#include <algorithm>
#include <span>

namespace hangspy::fuzz {
namespace {

using namespace python::layouts;

constexpr std::uint64_t kMaxItems = 1U << 16U;
constexpr std::uint64_t kMaxText = 1U << 10U;
constexpr std::uint64_t kMaxSlots = 1U << 12U;
constexpr std::size_t kMaxFrames = 10'000;
constexpr std::size_t kMaxAwaits = 1'000;
// tp_flags (Include/object.h)
constexpr std::uint64_t kInlineValues = 1U << 2U;
constexpr std::uint64_t kManagedDict = 1U << 4U;
constexpr unsigned kList = 25;
constexpr unsigned kTuple = 26;
constexpr unsigned kDict = 29;

constexpr std::uint64_t kBlockItems = 64;  // BLOCKLEN, Modules/_collectionsmodule.c
constexpr unsigned kDigitBits = 30;
constexpr std::int64_t kFutex = 202;
constexpr std::int64_t kRestart = 219;  // a timed one that a stop interrupted

// A number of the exception table: six bits a byte, the highest first; a byte before others has bit
// 6 set (Objects/exception_handling_notes.txt).
std::uint64_t next_number(const std::string& table, std::size_t& at) {
  std::uint64_t number = 0;
  while (at < table.size()) {
    const auto byte = static_cast<unsigned char>(table[at++]);
    number = number << 6U | (byte & 0x3fU);
    if ((byte & 0x40U) == 0) break;
  }
  return number;
}

}  // namespace

std::string RawObjects::bytes(Address at, std::uint64_t count) const {
  std::string found(std::min(count, kMaxText), '\0');
  return image_.read(at, std::as_writable_bytes(std::span(found))) ? found : std::string{};
}

std::string RawObjects::text(Address string) const {
  return bytes(string + layout().string.ascii_size,
               number<std::uint64_t>(string + layout().string.length));
}

Address RawObjects::type_of(Address object) const {
  return pointer(object + layout().object.type);
}

bool RawObjects::is(Address object, std::string_view type) const {
  const auto name = bytes(pointer(type_of(object) + layout().type.name), type.size() + 1);
  return name.starts_with(type) && name.back() == '\0';
}

bool RawObjects::is_coroutine(Address object) const {
  return is(object, "coroutine") || is(object, "generator") || is(object, "async_generator");
}

bool RawObjects::derives_from(Address object, unsigned builtin) const {
  return (number<std::uint64_t>(type_of(object) + layout().type.flags) >> builtin & 1U) != 0;
}

std::uint64_t RawObjects::integer(Address object) const {
  if (!is(object, "int")) return 0;
  const auto digits = object + layout().integer.digits;
  const std::uint64_t high = number<std::uint32_t>(digits + sizeof(std::uint32_t));
  return high << kDigitBits | number<std::uint32_t>(digits);
}

bool RawObjects::is_pending(Address future) const {
  return number<std::int32_t>(future + layout().future.state) == 0;  // STATE_PENDING
}

// ---- containers

std::uint64_t RawObjects::count_of(Address object) const {
  return number<std::uint64_t>(object + layout().variable_object.item_count);
}

Items RawObjects::pointers(Address first, std::uint64_t count) const {
  Items found;
  for (std::uint64_t i = 0; i < std::min(count, kMaxItems); ++i) {
    if (const auto each = pointer(first + 8 * i)) found.push_back(each);
  }
  return found;
}

Items RawObjects::deque_items(Address deque) const {
  const auto& field = layout().deque_block;
  auto index = number<std::uint64_t>(deque + layout().deque.left_index);
  auto block = pointer(deque + layout().deque.left_block);
  Items found;
  for (auto left = std::min(count_of(deque), kMaxItems); left > 0; --left) {
    if (index >= kBlockItems) {
      block = pointer(block + field.right_link);
      index = 0;
    }
    found.push_back(pointer(block + field.data + 8 * index++));
  }
  return found;
}

// What was taken from it is null there.
Items RawObjects::queue_items(Address queue) const {
  const auto& field = layout().simple_queue;
  if (field.list != kAbsent) return items(pointer(queue + field.list));
  return pointers(pointer(queue + field.ring_items),
                  number<std::uint64_t>(queue + field.ring_capacity));
}

Items RawObjects::dict_values(Address dict) const {
  const auto keys = pointer(dict + layout().dict.keys);
  const auto& field = layout().dict_keys;
  const auto count = number<std::uint64_t>(keys + field.entry_count);
  const auto values = pointer(dict + layout().dict.values);
  if (values) return pointers(values + layout().dict_values.values, count);
  const auto entries =
      keys + field.indices + (1ULL << (number<std::uint8_t>(keys + field.log2_index_bytes) & 31U));
  const std::uint64_t width = number<std::uint8_t>(keys + field.kind) == 0 ? 3 : 2;
  Items found;
  for (std::uint64_t i = 0; i < std::min(count, kMaxItems); ++i) {
    if (const auto each = pointer(entries + 8 * (width * i + width - 1))) found.push_back(each);
  }
  return found;
}

Items RawObjects::items(Address container) const {
  if (is(container, "collections.deque")) return deque_items(container);
  if (is(container, "_queue.SimpleQueue")) return queue_items(container);
  if (derives_from(container, kTuple)) {
    return pointers(container + layout().tuple.items, count_of(container));
  }
  if (derives_from(container, kList)) {
    return pointers(pointer(container + layout().list.items), count_of(container));
  }
  return derives_from(container, kDict) ? dict_values(container) : Items{};
}

// ---- attributes

RawObjects::Kept RawObjects::kept(Address object) const {
  const auto flags = number<std::uint64_t>(type_of(object) + layout().type.flags);
  if ((flags & kManagedDict) == 0) {
    const auto offset = number<std::uint64_t>(type_of(object) + layout().type.dict_offset);
    return {{}, offset == 0 ? Address{} : pointer(object + offset)};
  }
  const auto word = pointer(object - 24);
  switch (build_.traits.attributes) {
    case Attributes::kValuesThenDict:
      return {pointer(object - 32), word};
    case Attributes::kTaggedWord:
      return (word.value & 1U) != 0 ? Kept{word + 1, {}} : Kept{{}, word};
    case Attributes::kDictThenInline: {
      const auto values = object + layout().object.size;
      const bool valid = (flags & kInlineValues) != 0 &&
                         number<std::uint8_t>(values + layout().dict_values.valid) != 0;
      return word || !valid ? Kept{{}, word} : Kept{values, {}};
    }
  }
  return {};
}

Items RawObjects::attributes(Address object) const {
  const auto [values, dict] = kept(object);
  if (!values) return dict ? dict_values(dict) : Items{};
  const auto keys = pointer(type_of(object) + layout().heap_type.cached_keys);
  return pointers(values + layout().dict_values.values,
                  number<std::uint64_t>(keys + layout().dict_keys.entry_count));
}

// ---- callables

// Of some only the one of these two was read, and is in the image.
std::string RawObjects::function_name(Address function) const {
  if (!is(function, "function")) return {};
  const auto name = text(pointer(function + layout().function.qualified_name));
  const auto code = pointer(function + layout().function.code);
  return name.empty() || name.front() == '\0' ? text(pointer(code + layout().code.qualified_name))
                                              : name;
}

Items RawObjects::closure(Address function) const {
  if (!is(function, "function")) return {};
  Items found;
  for (const auto cell : items(pointer(function + layout().function.closure))) {
    found.push_back(pointer(cell + layout().cell.content));
  }
  return found;
}

RawObjects::Method RawObjects::method(Address object) const {
  if (is(object, "method")) {
    return {pointer(object + layout().method.self),
            function_name(pointer(object + layout().method.function))};
  }
  if (!is(object, "builtin_function_or_method") && !is(object, "builtin_method")) return {};
  const auto name = bytes(pointer(pointer(object + layout().builtin_function.definition)), 16);
  return {pointer(object + layout().builtin_function.self), name.substr(0, name.find('\0'))};
}

// ---- frames

Items RawObjects::frames(Address thread) const {
  const auto& field = layout().thread;
  const auto innermost = field.frame_holder == kAbsent ? thread + field.current_frame
                                                       : pointer(thread + field.frame_holder) +
                                                             layout().frame_holder.current_frame;
  Items found;
  for (auto at = pointer(innermost); at && found.size() < kMaxFrames;
       at = pointer(at + layout().frame.previous)) {
    found.push_back(at);
  }
  std::erase_if(found, [&](Address each) {
    return number<std::uint8_t>(each + layout().frame.owner) >= build_.traits.first_shim_owner;
  });
  return found;
}

std::string RawObjects::code_name(Address frame) const {
  return text(pointer(pointer(frame + layout().frame.executable) + layout().code.qualified_name));
}

std::uint64_t RawObjects::local_count(Address frame) const {
  const auto code = pointer(frame + layout().frame.executable);
  return std::min(count_of(pointer(code + layout().code.local_names)), kMaxSlots);
}

Address RawObjects::local(Address frame, std::uint64_t index) const {
  const auto held = pointer(frame + layout().frame.locals + 8 * index);
  return is(held, "cell") ? pointer(held + layout().cell.content) : held;
}

Items RawObjects::locals(Address frame) const {
  Items found;
  for (std::uint64_t i = 0; i < local_count(frame); ++i) found.push_back(local(frame, i));
  return found;
}

// Of the frame's stack only what a handler would keep is certainly live: one that waits in
// `__enter__` has copies of `__exit__`, too, but above.
std::uint64_t RawObjects::live_depth(Address frame) const {
  const auto code = pointer(frame + layout().frame.executable);
  const auto start = code + layout().code.bytecode;
  const auto offset = pointer(frame + layout().frame.instruction).value - start.value;
  const auto object = pointer(code + layout().code.exception_table);
  const auto table = bytes(object + layout().bytes.data, count_of(object));
  for (std::size_t at = 0; at < table.size();) {
    const auto begin = 2 * next_number(table, at);
    const auto length = 2 * next_number(table, at);
    next_number(table, at);  // the handler
    const auto depth = next_number(table, at) >> 1U;
    if (offset >= begin && offset - begin < length) return std::min(depth, kMaxSlots);
  }
  return 0;
}

Items RawObjects::entered(Address frame) const {
  const auto stack = frame + layout().frame.locals + 8 * local_count(frame);
  Items found;
  for (const auto each : pointers(stack, live_depth(frame))) {
    const auto [self, name] = method(each);
    if (name.ends_with("__exit__") || name.ends_with("__aexit__")) found.push_back(self);
  }
  return found;
}

Address RawObjects::frame_in(Address coroutine) const {
  return is_coroutine(coroutine) ? coroutine + layout().generator.frame : Address{};
}

Address RawObjects::awaited_in(Address frame) const {
  const std::uint64_t top = number<std::uint32_t>(frame + layout().frame.stack_top);
  if (top <= local_count(frame) || top > 2 * kMaxSlots) return {};
  const auto object = pointer(frame + layout().frame.locals + 8 * (top - 1));
  const bool is_wrapped = is(object, "coroutine_wrapper");
  return is_wrapped ? pointer(object + layout().coroutine_wrapper.coroutine) : object;
}

Items RawObjects::awaiting_frames(Address coroutine) const {
  Items found;
  for (auto frame = frame_in(coroutine); frame && found.size() < kMaxAwaits;
       frame = frame_in(awaited_in(frame))) {
    found.push_back(frame);
  }
  return found;
}

// ---- threads

Address RawObjects::futex(Address thread) const {
  const auto tid = number<std::int32_t>(thread + layout().thread.native_thread_id);
  const auto all = image_.threads();
  for (const auto& each : *all) {
    const bool is_it = each.namespace_tid == tid || each.tid == tid;
    if (!is_it || each.activity != target::Activity::kInSyscall) continue;
    const bool waits = each.syscall == kFutex || each.syscall == kRestart;
    return {waits ? each.arguments[0] : 0};
  }
  return {};
}

}  // namespace hangspy::fuzz
