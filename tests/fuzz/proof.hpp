// Whether a proof that appears in a spoilt image is one. See docs/design.md, "Spoilt images".
#pragma once

#include <string>

#include "image.hpp"

namespace hangspy::fuzz {

// `spoilt` is proven, and is not the proof that `whole` has: another rule, or an edge of its cycle
// that is not in the graph of `whole`.
[[nodiscard]] bool is_new_proof(const diagnosis::Diagnosis& whole,
                                const diagnosis::Diagnosis& spoilt);

// Why the newly proven cycle is not really there; empty when it is.
[[nodiscard]] std::string doubt_in(const images::Image& image, const images::Reading& whole,
                                   const images::Reading& spoilt);

}  // namespace hangspy::fuzz
