// A work item, as ThreadPoolExecutor and asgiref's CurrentThreadExecutor keep it: a future and the
// function that will complete it. Wrappers are looked through, to name the user's own function.
#pragma once

#include "python/process.hpp"

namespace hangspy::sync {

// Nothing when the object is no work item (a queue's end token, say).
[[nodiscard]] std::optional<snapshot::WorkItem> work_item_fact(const python::Process& process,
                                                               Address object);

}  // namespace hangspy::sync
