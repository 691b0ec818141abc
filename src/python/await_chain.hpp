// Await chains: from a task's coroutine to what it is suspended on.
//
// A suspended coroutine keeps what it awaits on top of its value stack. C objects on the way hide
// the next frame (`coroutine_wrapper`, an asynchronous generator's `asend`), each with its target
// in a field of its own. Source: Objects/genobject.c, _PyGen_yf, tags v3.11.7, v3.12.1, v3.13.0.
#pragma once

#include <optional>
#include <vector>

#include "hangspy/snapshot.hpp"
#include "python/frames.hpp"

namespace hangspy::python {

// The frame inside a coroutine, generator or asynchronous generator; nothing when it has ended,
// or is none of them.
[[nodiscard]] Result<std::optional<RawFrame>> frame_inside(const Objects& objects,
                                                           const Frames& frames, Address object);

// The chain from `coroutine`, outermost first. It ends with a future, with a coroutine that runs,
// or with an object that cannot be looked into. Error: kLimit over 100,000 links.
[[nodiscard]] Result<std::vector<snapshot::AwaitLink>> await_chain(const Objects& objects,
                                                                   const Frames& frames,
                                                                   Address coroutine);

}  // namespace hangspy::python
