#include "python/await_chain.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace hangspy::python {
namespace {

constexpr std::size_t kMaxLinks = 100'000;
// The two oparg values of RESUME after `yield from` and `await` (Lib/opcode.py, v3.11.7).
constexpr std::uint8_t kAfterYieldFrom = 2;

// Whether the suspended frame stands at an `await` or `yield from` rather than at a plain yield.
Result<bool> awaits(const Objects& objects, Address generator, const RawFrame& frame) {
  const auto& traits = objects.traits();
  HANGSPY_TRY(state,
              objects.value<std::int8_t>(generator + objects.layout().generator.frame_state));
  if (traits.suspended == layouts::Suspended::kFrameState) {
    return state == traits.state_suspended_yield_from;
  }
  if (state != traits.state_suspended) return false;
  const auto next = frame.code->address + objects.layout().code.bytecode + frame.instruction + 2;
  HANGSPY_TRY(argument, objects.lasting().value<std::uint8_t>(next + 1));
  return argument >= kAfterYieldFrom;
}

Result<Address> awaited(const Objects& objects, const Frames& frames, Address generator,
                        const RawFrame& frame) {
  HANGSPY_TRY(suspended, awaits(objects, generator, frame));
  if (!suspended) return Address{};
  return frames.top_of_stack(frame);
}

// The next object of the chain behind one of the C wrappers; null at the chain's end.
Result<Address> behind(const Objects& objects, Address object, std::string_view type) {
  const auto& layout = objects.layout();
  if (type == "coroutine_wrapper")
    return objects.pointer(object + layout.coroutine_wrapper.coroutine);
  if (type == "async_generator_asend") {
    return objects.pointer(object + layout.async_generator_send.generator);
  }
  if (type == "async_generator_athrow") {
    return objects.pointer(object + layout.async_generator_throw.generator);
  }
  if (type == "_asyncio.FutureIter") return objects.pointer(object + layout.future_iterator.future);
  return Address{};
}

// Nearly all chains are short; only a long one pays for a set.
class Seen {
 public:
  // False when it was there.
  bool insert(Address object) {
    const auto end = few_.begin() + count_;
    if (count_ < few_.size()) {
      if (std::find(few_.begin(), end, object) != end) return false;
      few_[count_++] = object;
      return true;
    }
    if (all_.empty()) all_.insert(few_.begin(), end);
    return all_.insert(object).second;
  }

 private:
  std::array<Address, 16> few_;
  std::size_t count_ = 0;
  std::set<Address> all_;
};

}  // namespace

Result<std::optional<RawFrame>> frame_inside(const Objects& objects, const Frames& frames,
                                             Address object) {
  if (!objects.is_generator(object)) return std::optional<RawFrame>{};
  const auto& field = objects.layout().generator;
  HANGSPY_TRY(state, objects.value<std::int8_t>(object + field.frame_state));
  if (state > objects.traits().state_executing) return std::optional<RawFrame>{};
  return frames.at(object + field.frame);
}

Result<std::vector<snapshot::AwaitLink>> await_chain(const Objects& objects, const Frames& frames,
                                                     Address coroutine) {
  std::vector<snapshot::AwaitLink> chain;
  chain.reserve(3);  // of a coroutine that awaits a future
  Seen seen;
  for (Address object = coroutine; object && seen.insert(object);) {
    if (chain.size() == kMaxLinks)
      return fail(Failure::kLimit, "an await chain over 100,000 links");
    HANGSPY_TRY(type_at, objects.type_of(object));
    HANGSPY_TRY(type, objects.type_name(type_at));
    snapshot::AwaitLink link{type, object, std::nullopt};
    Address next;
    if (objects.is_generator(object)) {
      HANGSPY_TRY(frame, frame_inside(objects, frames, object));
      if (frame) {
        link.frame = frames.fact(*frame);
        HANGSPY_TRY(inner, awaited(objects, frames, object, *frame));
        next = inner;
      }
    } else {
      HANGSPY_TRY(inner, behind(objects, object, type.bytes()));
      next = inner;
    }
    chain.push_back(std::move(link));
    object = next;
  }
  return chain;
}

}  // namespace hangspy::python
