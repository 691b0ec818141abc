#include "python/callables.hpp"

#include <algorithm>

namespace hangspy::python {
namespace {

std::string last_part(std::string_view qualified) {
  const auto dot = qualified.rfind('.');
  return std::string(dot == std::string_view::npos ? qualified : qualified.substr(dot + 1));
}

bool is_builtin_method(const Objects& objects, Address callable) {
  return objects.is_builtin(callable, "builtin_function_or_method") ||
         objects.is_builtin(callable, "builtin_method");
}

Result<Items> closure_cells(const Objects& objects, Address function) {
  if (!objects.is_builtin(function, "function")) return Items{};
  HANGSPY_TRY(closure, objects.pointer(function + objects.layout().function.closure));
  return closure ? objects.tuple(closure) : Items{};
}

std::optional<Address> content_of(const Objects& objects, Address cell) {
  const auto content = objects.pointer(cell + objects.layout().cell.content);
  return content && *content ? std::optional(*content) : std::nullopt;
}

// Of a function its qualified name, of anything else its type's.
Text own_name(const Objects& objects, Address object) {
  if (objects.is_builtin(object, "function")) {
    const auto name_at = objects.pointer(object + objects.layout().function.qualified_name);
    const auto name = name_at ? objects.text(*name_at) : fail(Failure::kImplausible, "");
    if (name) return *name;
  }
  const auto type = objects.type_of(object);
  const auto name = type ? objects.full_type_name(*type) : fail(Failure::kImplausible, "");
  return name ? *name : Text{};
}

}  // namespace

std::optional<BoundMethod> bound_method(const Objects& objects, Address callable) {
  const auto& layout = objects.layout();
  if (objects.is_builtin(callable, "method")) {
    const auto self = objects.pointer(callable + layout.method.self);
    const auto function = objects.pointer(callable + layout.method.function);
    if (!self || !function || !*self) return std::nullopt;
    return BoundMethod{*self, *function, last_part(own_name(objects, *function).bytes())};
  }
  if (!is_builtin_method(objects, callable)) return std::nullopt;
  const auto self = objects.pointer(callable + layout.builtin_function.self);
  const auto definition = objects.pointer(callable + layout.builtin_function.definition);
  if (!self || !definition || !*self || !*definition) return std::nullopt;
  const auto name_at = objects.value<std::uint64_t>(*definition);
  if (!name_at) return std::nullopt;
  const auto name = objects.lasting().c_string({*name_at});
  if (!name) return std::nullopt;
  return BoundMethod{*self, {}, *name};
}

std::optional<Partial> partial(const Objects& objects, Address callable) {
  const auto type = objects.type_of(callable);
  if (!type) return std::nullopt;
  const auto name = objects.type_name(*type);
  if (!name || name->bytes() != "functools.partial") return std::nullopt;
  const auto& field = objects.layout().partial;
  const auto function = objects.pointer(callable + field.function);
  const auto arguments_at = objects.pointer(callable + field.arguments);
  const auto keywords = objects.pointer(callable + field.keywords);
  if (!function || !arguments_at || !keywords) return std::nullopt;
  auto arguments = objects.tuple(*arguments_at);
  if (!arguments) return std::nullopt;
  return Partial{*function, std::move(*arguments), *keywords};
}

std::optional<Address> code_of(const Objects& objects, Address callable) {
  if (objects.is_builtin(callable, "method")) {
    callable = objects.pointer(callable + objects.layout().method.function).value_or(Address{});
  }
  if (!objects.is_builtin(callable, "function")) return std::nullopt;
  const auto code = objects.pointer(callable + objects.layout().function.code);
  return code && *code ? std::optional(*code) : std::nullopt;
}

std::optional<Address> closure_variable(const Objects& objects, const Codes& codes,
                                        Address function, std::string_view name) {
  const auto cells = closure_cells(objects, function);
  const auto code_at = code_of(objects, function);
  if (!cells || !code_at) return std::nullopt;
  const auto code = codes.at(*code_at);
  if (!code) return std::nullopt;
  // Free variables are the last of the code's locals, in the closure's order.
  const auto& names = (*code)->locals;
  if (cells->size() > names.size()) return std::nullopt;
  const auto first = names.end() - static_cast<std::ptrdiff_t>(cells->size());
  const auto found = std::find(first, names.end(), name);
  if (found == names.end()) return std::nullopt;
  return content_of(objects, (*cells)[static_cast<std::size_t>(found - first)]);
}

Items closure_contents(const Objects& objects, Address function) {
  Items contents;
  for (const auto cell : closure_cells(objects, function).value_or(Items{})) {
    if (const auto content = content_of(objects, cell)) contents.push_back(*content);
  }
  return contents;
}

Text callable_name(const Objects& objects, Address callable) {
  const auto method = bound_method(objects, callable);
  if (method && method->function) return own_name(objects, method->function);
  return method ? Text::of_target(method->name) : own_name(objects, callable);
}

}  // namespace hangspy::python
