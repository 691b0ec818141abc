#include "python/frames.hpp"

#include <algorithm>

#include "python/callables.hpp"
#include "python/walk.hpp"

namespace hangspy::python {
namespace {

// sys.setrecursionlimit may allow more; then the report says that the stack was cut.
constexpr std::size_t kMaxFrames = 200'000;

}  // namespace

Result<Address> Frames::innermost(Address thread_state) const {
  const auto& thread = objects_.layout().thread;
  if (thread.frame_holder == layouts::kAbsent) {
    return objects_.pointer(thread_state + thread.current_frame);
  }
  HANGSPY_TRY(holder, objects_.pointer(thread_state + thread.frame_holder));
  if (!holder) return Address{};
  return objects_.pointer(holder + objects_.layout().frame_holder.current_frame);
}

Result<std::optional<RawFrame>> Frames::at(Address address) const {
  const auto& field = objects_.layout().frame;
  HANGSPY_TRY(owner, objects_.value<std::uint8_t>(address + field.owner));
  if (owner >= objects_.traits().first_shim_owner) return std::optional<RawFrame>{};
  HANGSPY_TRY(executable, objects_.pointer(address + field.executable));
  if (!executable || !codes_.is_code(executable)) return std::optional<RawFrame>{};
  HANGSPY_TRY(code, codes_.at(executable));
  HANGSPY_TRY(instruction, objects_.value<std::uint64_t>(address + field.instruction));
  const auto start = (executable + objects_.layout().code.bytecode).value;
  // Before its first instruction prev_instr points one unit below the code (3.11 and 3.12).
  const auto offset = instruction < start ? 0 : instruction - start;
  if (offset > 1U << 26) {
    return fail(Failure::kImplausible,
                "an instruction outside its code in frame " + to_hex(address));
  }
  return std::optional<RawFrame>{{address, code, static_cast<std::uint32_t>(offset)}};
}

Result<std::vector<RawFrame>> Frames::of_thread(Address thread_state) const {
  HANGSPY_TRY(next, innermost(thread_state));
  std::vector<RawFrame> frames;
  Walk walk;
  for (std::size_t step = 0; next; ++step) {
    if (step == kMaxFrames) return fail(Failure::kLimit, "a stack of more than 200,000 frames");
    if (walk.comes_round(next)) {
      return fail(Failure::kImplausible, "the frames of a stack lead back to " + to_hex(next));
    }
    HANGSPY_TRY(frame, at(next));
    if (frame) frames.push_back(*frame);
    HANGSPY_TRY(previous, objects_.pointer(next + objects_.layout().frame.previous));
    next = previous;
  }
  return frames;
}

Result<Frames::Slots> Frames::slots(const RawFrame& frame) const {
  const auto local_count = frame.code->locals.size();
  const auto base = frame.address + objects_.layout().frame.locals;
  HANGSPY_TRY(words, objects_.words(base, local_count + frame.code->stack_size));
  Slots slots;
  for (std::size_t i = 0; i < words.size(); ++i) {
    (i < local_count ? slots.locals : slots.stack).push_back({words[i]});
  }
  HANGSPY_TRY(live_depth, depth(frame));
  slots.live_depth = live_depth;
  return slots;
}

// Of a frame that runs the field is -1 or stale.
Result<std::optional<std::uint32_t>> Frames::depth(const RawFrame& frame) const {
  HANGSPY_TRY(top, objects_.value<std::int32_t>(frame.address + objects_.layout().frame.stack_top));
  const auto depth = top - static_cast<std::int64_t>(frame.code->locals.size());
  if (depth < 0 || depth > frame.code->stack_size) return std::optional<std::uint32_t>{};
  return std::optional(static_cast<std::uint32_t>(depth));
}

Result<Address> Frames::top_of_stack(const RawFrame& frame) const {
  HANGSPY_TRY(live_depth, depth(frame));
  if (live_depth.value_or(0) == 0) return Address{};
  const auto slot = frame.code->locals.size() + *live_depth - 1;
  HANGSPY_TRY(top, objects_.value<std::uint64_t>(frame.address + objects_.layout().frame.locals +
                                                 8 * slot));
  return Address{top};
}

Result<std::optional<Address>> Frames::local(const RawFrame& frame, std::string_view name) const {
  const auto& names = frame.code->locals;
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) return std::optional<Address>{};
  const auto index = static_cast<std::uint64_t>(found - names.begin());
  HANGSPY_TRY(held, objects_.pointer(frame.address + objects_.layout().frame.locals + 8 * index));
  HANGSPY_TRY(content, through_cell(held));
  return content ? std::optional<Address>{content} : std::optional<Address>{};
}

Result<Address> Frames::through_cell(Address held) const {
  if (!objects_.is_builtin(held, "cell")) return held;
  return objects_.pointer(held + objects_.layout().cell.content);
}

Result<Items> Frames::local_values(const RawFrame& frame) const {
  HANGSPY_TRY(all, slots(frame));
  Items values;
  for (const auto each : all.locals) {
    HANGSPY_TRY(value, through_cell(each));
    if (value) values.push_back(value);
  }
  return values;
}

Result<Items> Frames::name_dicts(const RawFrame& frame) const {
  const auto& field = objects_.layout().frame;
  HANGSPY_TRY(globals, objects_.pointer(frame.address + field.globals));
  HANGSPY_TRY(own, objects_.pointer(frame.address + field.local_dict));
  Items dicts{globals};
  if (own && own != globals) dicts.push_back(own);
  return dicts;
}

Result<Items> Frames::open_withs(const RawFrame& frame) const {
  Items objects;
  const auto depths = handler_depths(*frame.code, frame.instruction);
  if (depths.empty()) return objects;
  HANGSPY_TRY(all, slots(frame));
  for (const auto depth : depths) {
    if (depth > all.stack.size()) continue;
    const auto callable = bound_method(objects_, all.stack[depth - 1]);
    if (callable && (callable->name == "__exit__" || callable->name == "__aexit__")) {
      objects.push_back(callable->self);
    }
  }
  return objects;
}

snapshot::Origin Frames::origin_of(std::string_view file) const {
  using snapshot::Origin;
  if (file.starts_with("<frozen")) return Origin::kFrozen;
  if (file.find("/site-packages/") != std::string_view::npos ||
      file.find("/dist-packages/") != std::string_view::npos) {
    return Origin::kSitePackages;
  }
  if (!library_.empty() && file.starts_with(library_)) return Origin::kStandardLibrary;
  return Origin::kUser;
}

snapshot::Place Frames::place(const Code& code, std::int32_t line,
                              std::uint32_t instruction) const {
  return {.code = code.address,
          .function = code.function,
          .file = code.file,
          .line = line,
          .instruction = instruction,
          .origin = origin_of(code.file.bytes()),
          .landmark = std::string(name_of_(code.address))};
}

snapshot::Frame Frames::fact(const RawFrame& frame) const {
  auto& known = places_[{frame.code->address, frame.instruction}];
  if (known.get() == nullptr) {
    const auto line = line_of(*frame.code, frame.instruction);
    known = Shared(place(*frame.code, line, frame.instruction));
  }
  return {frame.address, known};
}

Result<RawFrame> Frames::raw(const snapshot::Frame& fact) const {
  HANGSPY_TRY(code, codes_.at(fact->code));
  return RawFrame{fact.frame, code, fact->instruction};
}

snapshot::Frame Frames::definition(const Code& code) const {
  return {{}, Shared(place(code, code.first_line, 0))};
}

}  // namespace hangspy::python
