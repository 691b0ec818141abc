// Frames: the chain of a thread, the frame inside a coroutine, their locals and open `with` blocks.
//
// Source: Include/internal/pycore_frame.h, tags v3.11.7, v3.12.1, v3.13.0. A frame of C code (a
// shim) has no code object and is passed over.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "hangspy/snapshot.hpp"
#include "python/code.hpp"

namespace hangspy::python {

// A frame as it lies in memory. `function()` and the like are in its code.
struct RawFrame {
  Address address;
  const Code* code = nullptr;
  std::uint32_t instruction = 0;
};

class Frames {
 public:
  Frames(const Objects& objects, const Codes& codes) : objects_(objects), codes_(codes) {}

  // Innermost first, from the thread state. A chain that cannot be read to its end is an error.
  [[nodiscard]] Result<std::vector<RawFrame>> of_thread(Address thread_state) const;
  // The frame at `address`, or nothing when it is a shim.
  [[nodiscard]] Result<std::optional<RawFrame>> at(Address address) const;

  // The value of a local variable, looked through its cell; nothing when it is unbound, or the
  // code has no variable of that name.
  [[nodiscard]] Result<std::optional<Address>> local(const RawFrame& frame,
                                                     std::string_view name) const;
  // The raw slots: locals (cells not looked through), then the value stack's whole capacity. Of
  // the stack only what `live_depth` covers is a reference; the rest may be stale.
  struct Slots {
    std::vector<Address> locals;
    std::vector<Address> stack;
    std::optional<std::uint32_t> live_depth;  // known only of a suspended frame
  };
  [[nodiscard]] Result<Slots> slots(const RawFrame& frame) const;
  // What lies on top of a suspended frame's value stack; null when nothing certain does.
  [[nodiscard]] Result<Address> top_of_stack(const RawFrame& frame) const;
  // The values of all its local variables, looked through their cells.
  [[nodiscard]] Result<Items> local_values(const RawFrame& frame) const;
  // The dicts in which it looks names up: its globals and, of code that is no function's, its own.
  [[nodiscard]] Result<Items> name_dicts(const RawFrame& frame) const;
  // The objects whose `__exit__` an open `with` of this frame keeps: by the exception table, at
  // its depth, in no other slot.
  [[nodiscard]] Result<Items> open_withs(const RawFrame& frame) const;

  // The frame as a plain fact, and back. Error: its code does not lie there.
  [[nodiscard]] snapshot::Frame fact(const RawFrame& frame) const;
  [[nodiscard]] Result<RawFrame> raw(const snapshot::Frame& fact) const;
  // Where a function is defined, as a frame that is none.
  [[nodiscard]] snapshot::Frame definition(const Code& code) const;
  // Where the standard library lies (files under it are not the user's), and what the code of
  // each landmark is called.
  void set_landmarks(std::string_view library, std::function<std::string_view(Address)> name_of) {
    library_ = library;
    name_of_ = std::move(name_of);
  }

 private:
  [[nodiscard]] Result<Address> through_cell(Address held) const;
  [[nodiscard]] Result<Address> innermost(Address thread_state) const;
  [[nodiscard]] snapshot::Origin origin_of(std::string_view file) const;
  [[nodiscard]] snapshot::Place place(const Code& code, std::int32_t line,
                                      std::uint32_t instruction) const;
  [[nodiscard]] Result<std::optional<std::uint32_t>> depth(const RawFrame& frame) const;

  const Objects& objects_;
  const Codes& codes_;
  // Of each instruction that a frame stood at: many stand at the same.
  mutable std::map<std::pair<Address, std::uint32_t>, Shared<snapshot::Place>> places_;
  std::string library_;
  std::function<std::string_view(Address)> name_of_ = [](Address) { return std::string_view{}; };
};

}  // namespace hangspy::python
