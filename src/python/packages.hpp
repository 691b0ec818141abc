// Which packages the worker runs, and how it was started: from sys.modules and sys.argv in memory,
// or from the dist-info beside a module's file. Only data is read; nothing is imported or run.
#pragma once

#include "hangspy/snapshot.hpp"
#include "hangspy/target.hpp"
#include "python/process.hpp"

namespace hangspy::python {

// The versions of Django, asgiref and the servers that are imported, in a fixed order.
[[nodiscard]] std::vector<snapshot::Package> packages(const Process& process,
                                                      const target::Target& target);

// "uvicorn shop.asgi:app": the program's name and the application that it serves, and no other
// word of the command line, which may hold secrets. Empty when there is none.
[[nodiscard]] Text served_application(const Process& process);

// Whether this process only supervises workers (gunicorn's arbiter, uvicorn's or hypercorn's).
[[nodiscard]] bool is_supervisor(const Process& process);

}  // namespace hangspy::python
