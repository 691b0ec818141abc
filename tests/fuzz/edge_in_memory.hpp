// Whether an edge of a graph is in the words of a memory image. Each relation between two kinds has
// a rule of its own, by the fields in which it shows, in its one direction; what has none is not
// there. Functions are known by their names, where hangspy goes by identity: a spoilt name hides an
// edge. That a lock was lent inside its open `with`, and what ends a wait in time, is not seen.
#pragma once

#include "hangspy/wait_graph.hpp"
#include "image.hpp"

namespace hangspy::fuzz {

// `graph` only says which threads there are.
[[nodiscard]] bool is_in_memory(const images::Image& image, const graph::WaitGraph& graph,
                                const graph::NodeId& from, const graph::NodeId& to,
                                graph::Relation relation);

}  // namespace hangspy::fuzz
