#include "sync/work_item_read.hpp"

namespace hangspy::sync {
namespace {

constexpr int kMaxWrappers = 16;

// What a Context's `run` runs: its first argument.
Address run_in_context(const python::Process& process, Address callable,
                       const python::Items& arguments) {
  const auto& objects = process.objects();
  const auto method = python::bound_method(objects, callable);
  const bool runs = method && !method->function && method->name == "run" && !arguments.empty() &&
                    objects.is_builtin(method->self, "_contextvars.Context");
  return runs ? arguments.front() : Address{};
}

// One wrapper less: a partial gives its function, asgiref's thread_handler its last argument (the
// partial of the user's function), a Context's `run` its first. Null at the innermost.
Address inside(const python::Process& process, Address callable, const python::Items& arguments) {
  const auto partial = python::partial(process.objects(), callable);
  if (!partial) return run_in_context(process, callable, arguments);
  const auto mark = process.landmarks().of_callable(process.objects(), partial->function);
  const bool runs_argument = mark == python::Mark::kThreadHandler;
  if (runs_argument && !partial->arguments.empty()) return partial->arguments.back();
  const auto deeper = run_in_context(process, partial->function, partial->arguments);
  return deeper ? deeper : partial->function;
}

}  // namespace

std::optional<snapshot::WorkItem> work_item_fact(const python::Process& process, Address object) {
  const auto& objects = process.objects();
  const auto future = objects.find(object, "future");
  const auto function = objects.find(object, "fn");
  const auto arguments_at = objects.find(object, "args");
  if (!future || !*future || !function || !*function) return std::nullopt;
  snapshot::WorkItem item;
  item.object = object;
  item.future = **future;
  auto callable = **function;
  auto arguments = arguments_at && *arguments_at
                       ? objects.tuple(**arguments_at).value_or(python::Items{})
                       : python::Items{};
  for (int i = 0; i < kMaxWrappers; ++i) {
    const auto next = inside(process, callable, arguments);
    if (!next) break;
    callable = next;
    arguments.clear();
  }
  item.function = python::callable_name(objects, callable);
  const auto code_at = python::code_of(objects, callable);
  const auto code = code_at ? process.codes().at(*code_at) : fail(Failure::kImplausible, "");
  if (code) item.place = process.frames().definition(**code);
  return item;
}

}  // namespace hangspy::sync
