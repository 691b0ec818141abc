// A JSON document that somebody else may have written: not too big, too deep or with a key twice.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string_view>

#include "hangspy/result.hpp"

namespace hangspy::snapshot {

// A process with a thousand threads and a hundred thousand tasks stays far below these.
struct JsonLimits {
  std::size_t bytes = 256u << 20;
  std::size_t values = 20'000'000;
  std::size_t list_items = 1'000'000;
  std::size_t depth = 32;
};

[[nodiscard]] Result<nlohmann::json> parse_document(std::string_view json,
                                                    const JsonLimits& limits = {});

}  // namespace hangspy::snapshot
