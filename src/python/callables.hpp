// Things that can be called: functions, bound methods, partials. What they are bound to is how one
// object leads to the next: a callback to its future, a work item to the user's function.
//
// Sources: Include/cpython/{funcobject,classobject,methodobject}.h, Modules/_functoolsmodule.c.
#pragma once

#include <optional>
#include <string>

#include "python/code.hpp"

namespace hangspy::python {

// A method bound to an object, written in Python or in C.
struct BoundMethod {
  Address self;
  Address function;  // 0 for one written in C
  std::string name;  // the last part of its qualified name
};
[[nodiscard]] std::optional<BoundMethod> bound_method(const Objects& objects, Address callable);

// functools.partial, exactly as the C type has it.
struct Partial {
  Address function;
  Items arguments;
  Address keywords;  // a dict
};
[[nodiscard]] std::optional<Partial> partial(const Objects& objects, Address callable);

// The code of a Python function, or of the function that a bound method calls.
[[nodiscard]] std::optional<Address> code_of(const Objects& objects, Address callable);

// The content of the closure's cell of this variable, in a function (not looked through methods).
[[nodiscard]] std::optional<Address> closure_variable(const Objects& objects, const Codes& codes,
                                                      Address function, std::string_view name);
// The contents of all cells of a function's closure.
[[nodiscard]] Items closure_contents(const Objects& objects, Address function);

// What to call it in a report: a qualified name, or the type's for any other callable.
[[nodiscard]] Text callable_name(const Objects& objects, Address callable);

}  // namespace hangspy::python
