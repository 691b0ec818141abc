// Whether a lock may have been given back inside its own open `with`.
//
// `with A:` may hold `A.release()`, and an `acquire()` before its end: while another lock is waited
// for, say. In between the `with` is open and no sign of who holds A. Memory does not tell whether
// that happened. So it is asked who could have done it: code that names `release`, whose call has
// not ended, and that gets to this lock by the names it has. What cannot be followed could have.
#pragma once

#include <optional>

#include "python/process.hpp"

namespace hangspy::sync {

// An open `with`: the object that was entered and, when a suspended generator stands behind it
// (@contextmanager), the frame of that.
struct Entered {
  Address object;
  std::optional<python::RawFrame> inside;
  bool stacked = false;  // by an ExitStack, so maybe later than what is further inside
};

// The open `with` blocks of a frame, innermost first; behind each context manager of a generator
// those of the generator, behind an ExitStack what it entered. Too many are an error.
[[nodiscard]] Result<std::vector<Entered>> entered_in(const python::Process& process,
                                                      const python::RawFrame& frame);

// Whether a `with` on `entered` keeps `lock`: it is the lock, or a Condition around it.
[[nodiscard]] bool keeps(const python::Process& process, Address entered, Address lock);

// Whether the lock may have been released by code inside its `with`. `frames` are those from the
// innermost one to the one that has the `with`.
[[nodiscard]] bool may_be_released(const python::Process& process,
                                   const std::vector<python::RawFrame>& frames, Address lock);

}  // namespace hangspy::sync
