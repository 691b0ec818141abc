// Reading what may move. See python::Process, "what moves".
#pragma once

#include "hangspy/snapshot.hpp"
#include "python/process.hpp"

namespace hangspy::sync {

// Reads with `read`. If that `moves`, what is torn of it is neither a doubt nor missing. Returns
// whether it moves and is torn.
template <class Read>
bool read_moving(const python::Process& process, snapshot::Snapshot& snapshot, bool moves,
                 const Read& read) {
  const auto missing = snapshot.missing.size();
  const bool torn = process.read_what(moves, read);
  if (torn) snapshot.missing.resize(missing);
  return torn;
}

}  // namespace hangspy::sync
