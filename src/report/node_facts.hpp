// What a report says of a node of the graph: its facts in the snapshot, found by identity.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "diagnosis/case.hpp"

namespace hangspy::report {

class NodeFacts {
 public:
  explicit NodeFacts(const snapshot::Snapshot& snapshot) : facts_(snapshot) {}

  [[nodiscard]] const diagnosis::Facts& facts() const { return facts_; }
  // Where the node is in the user's code: a thread's or task's frame, a work item's function.
  [[nodiscard]] std::optional<snapshot::Frame> place(const graph::NodeId& id) const;
  // What it is called: a thread's or task's name.
  [[nodiscard]] std::optional<Text> name(const graph::NodeId& id) const;

 private:
  diagnosis::Facts facts_;
};

// The alias that the report gives to each participant's node.
using Aliases = std::map<graph::NodeIndex, std::string>;
[[nodiscard]] Aliases aliases_of(const diagnosis::Diagnosis& diagnosis);

}  // namespace hangspy::report
