// CPython's objects in the words of an image, as far as a wait shows in them. Of hangspy this
// shares the tables of where fields lie, and nothing that reads: what the one mistakes the other
// shall not. What cannot be read is 0, and leads to nothing.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image.hpp"
#include "python/layouts/layouts.hpp"

namespace hangspy::fuzz {

using Items = std::vector<Address>;

class RawObjects {
 public:
  RawObjects(const images::Image& image, const python::layouts::Build& build)
      : image_(image), build_(build) {}

  [[nodiscard]] const python::layouts::Layout& layout() const { return build_.layout; }
  [[nodiscard]] Address pointer(Address at) const { return {number<std::uint64_t>(at)}; }
  // Whether the object's type has this name.
  [[nodiscard]] bool is(Address object, std::string_view type) const;
  [[nodiscard]] bool is_coroutine(Address object) const;
  [[nodiscard]] std::uint64_t integer(Address object) const;  // of an int, its lower 60 bits
  [[nodiscard]] bool is_pending(Address future) const;        // of asyncio

  // What an instance has as attributes, in its dict or its values.
  [[nodiscard]] Items attributes(Address object) const;
  // What a tuple, list, deque, SimpleQueue or (its values) dict holds.
  [[nodiscard]] Items items(Address container) const;

  // ---- callables
  [[nodiscard]] std::string function_name(Address function) const;  // qualified
  [[nodiscard]] Items closure(Address function) const;              // what its cells hold
  struct Method {
    Address self;
    std::string name;  // of one in C its own, else the function's qualified one
  };
  [[nodiscard]] Method method(Address object) const;  // all empty where none lies there

  // ---- frames
  [[nodiscard]] Items frames(Address thread) const;  // of Python code, the innermost first
  [[nodiscard]] std::string code_name(Address frame) const;
  [[nodiscard]] Address local(Address frame, std::uint64_t index) const;
  [[nodiscard]] Items locals(Address frame) const;
  // What the frame's code has entered by `with` and not left.
  [[nodiscard]] Items entered(Address frame) const;
  [[nodiscard]] Address frame_in(Address coroutine) const;
  // The frames of a suspended coroutine and of what it awaits, the outermost first.
  [[nodiscard]] Items awaiting_frames(Address coroutine) const;

  // ---- threads
  // The word that the thread waits at in futex(); 0 for none.
  [[nodiscard]] Address futex(Address thread) const;

 private:
  template <class T>
  [[nodiscard]] T number(Address at) const {
    return memory::read_as<T>(image_, at).value_or(T{});
  }
  [[nodiscard]] std::string bytes(Address at, std::uint64_t count) const;
  [[nodiscard]] std::string text(Address string) const;
  [[nodiscard]] Address type_of(Address object) const;
  [[nodiscard]] bool derives_from(Address object, unsigned builtin) const;
  [[nodiscard]] std::uint64_t count_of(Address object) const;
  [[nodiscard]] Items pointers(Address first, std::uint64_t count) const;
  [[nodiscard]] Items deque_items(Address deque) const;
  [[nodiscard]] Items queue_items(Address queue) const;
  [[nodiscard]] Items dict_values(Address dict) const;
  struct Kept {  // where attributes are: one of the two is null
    Address values;
    Address dict;
  };
  [[nodiscard]] Kept kept(Address object) const;
  [[nodiscard]] std::uint64_t local_count(Address frame) const;
  [[nodiscard]] std::uint64_t live_depth(Address frame) const;
  [[nodiscard]] Address awaited_in(Address frame) const;

  const images::Image& image_;
  const python::layouts::Build& build_;
};

}  // namespace hangspy::fuzz
