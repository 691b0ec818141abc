// The report for programs: one object, stable in its keys and their order. docs/json.md names them.
#include <nlohmann/json.hpp>
#include <set>

#include "hangspy/report.hpp"
#include "report/fingerprint.hpp"
#include "report/node_facts.hpp"
#include "snapshot/words.hpp"

namespace hangspy::report {
namespace {

using Json = nlohmann::ordered_json;
using diagnosis::Diagnosis;
using graph::NodeIndex;
using graph::NodeKind;

class Document {
 public:
  Document(const snapshot::Snapshot& snapshot, const Diagnosis& diagnosis,
           const snapshot::Account& account, const Options& options)
      : snapshot_(snapshot),
        diagnosis_(diagnosis),
        account_(account),
        options_(options),
        facts_(snapshot),
        aliases_(aliases_of(diagnosis)) {}

  Json write() const {
    Json json;
    json["schema_version"] = "1.0";
    json["verdict"] = diagnosis::name_of(diagnosis_.verdict);
    json["certainty"] = diagnosis::name_of(diagnosis_.certainty);
    json["rule"] = diagnosis_.rule;
    json["headline"] = to_json_value(diagnosis_.headline);
    json["deadline_seconds"] =
        diagnosis_.deadline_seconds ? Json(*diagnosis_.deadline_seconds) : Json();
    json["ending"] = ending();
    json["exit_code"] = diagnosis::exit_code_of(diagnosis_.verdict);
    json["fingerprint"] = fingerprint(snapshot_, diagnosis_);
    json["target"] = target();
    json["cycle"] = cycle();
    json["nodes"] = nodes();
    json["stuck_behind"] = stuck_behind();
    json["signature"] = signature();
    json["advice"] = advice();
    json["missing"] = diagnosis_.missing;
    json["timing"] = timing();
    if (options_.all) {
      json["parked"] = ids(diagnosis_.parked);
      json["threads"] = threads();
      json["tasks"] = tasks();
    }
    return json;
  }

 private:
  Json ending() const {
    if (diagnosis_.verdict != diagnosis::Verdict::kDeadlock) return {};
    if (diagnosis_.ends_by_itself) return "timeout";
    return diagnosis_.may_end ? "unknown" : "none";
  }

  std::string id_of(NodeIndex node) const {
    if (const auto alias = aliases_.find(node); alias != aliases_.end()) return alias->second;
    const auto& id = diagnosis_.graph.at(node).id;
    return std::string(graph::name_of(id.kind)) + "@" + to_hex(id.object);
  }

  Json ids(const std::vector<NodeIndex>& nodes) const {
    Json json = Json::array();
    for (const auto node : nodes) json.push_back(id_of(node));
    return json;
  }

  Json target() const {
    Json json;
    json["kind"] = snapshot_.is_core ? "core" : "live";
    json["pid"] = snapshot_.pid;
    json["python"] = snapshot_.runtime.version;
    json["executable"] = to_json_value(snapshot_.runtime.executable);
    json["server"] = to_json_value(snapshot_.runtime.server);
    json["layout"] = snapshot_.runtime.layout;
    json["tracer"] = tracer();
    json["halted"] = account_.halted;
    json["packages"] = Json::object();
    for (const auto& each : snapshot_.runtime.packages) {
      json["packages"][each.name] = to_json_value(each.version);
    }
    return json;
  }

  Json tracer() const {
    if (!account_.tracer) return {};
    return {{"pid", account_.tracer->pid}, {"name", to_json_value(account_.tracer->name)}};
  }

  Json cycle() const {
    Json json = Json::array();
    for (const auto index : diagnosis_.cycle) {
      const auto& edge = diagnosis_.graph.edge(index);
      json.push_back({{"from", id_of(edge.from)},
                      {"to", id_of(edge.to)},
                      {"relation", graph::name_of(edge.relation)},
                      {"evidence", edge.evidence.words()},
                      {"grade", graph::name_of(edge.grade)}});
    }
    return json;
  }

  static void put_place(const snapshot::Frame& frame, Json& json) {
    json["function"] = to_json_value(frame->function);
    json["file"] = to_json_value(frame->file);
    json["line"] = frame->line;
    json["in_user_code"] = frame->origin == snapshot::Origin::kUser;
  }

  Json node(NodeIndex index) const {
    const auto& node = diagnosis_.graph.at(index);
    Json json;
    json["id"] = id_of(index);
    json["kind"] = graph::name_of(node.id.kind);
    json["address"] = to_hex(node.id.object);
    if (const auto* thread =
            node.id.kind == NodeKind::kThread ? facts_.facts().thread(node.id.object) : nullptr) {
      json["tid"] = thread->tid;
    }
    if (const auto name = facts_.name(node.id)) json["name"] = to_json_value(*name);
    if (const auto place = facts_.place(node.id)) put_place(*place, json);
    if (!node.reason().empty()) json["acts_because"] = node.reason();
    return json;
  }

  Json nodes() const {
    std::set<NodeIndex> shown;
    for (const auto edge : diagnosis_.cycle) {
      shown.insert(diagnosis_.graph.edge(edge).from);
      shown.insert(diagnosis_.graph.edge(edge).to);
    }
    for (const auto& each : diagnosis_.participants) shown.insert(each.node);
    shown.insert(diagnosis_.stuck_behind.begin(), diagnosis_.stuck_behind.end());
    for (NodeIndex i = 0; options_.all && i < diagnosis_.graph.nodes().size(); ++i) shown.insert(i);
    Json json = Json::array();
    for (const auto index : shown) json.push_back(node(index));
    return json;
  }

  Json stuck_behind() const {
    const auto& impact = diagnosis_.impact;
    return {{"requests", impact.requests},
            {"tasks", impact.tasks},
            {"threads", impact.threads},
            {"serves_others", impact.serves_others},
            {"nodes", ids(diagnosis_.stuck_behind)}};
  }

  Json signature() const {
    Json checks = Json::array();
    for (const auto& each : diagnosis_.signature.checks) {
      checks.push_back(
          {{"name", each.name}, {"holds", each.holds}, {"what", to_json_value(each.what)}});
    }
    return {{"present", diagnosis_.signature.present},
            {"checks", std::move(checks)},
            {"relation", to_json_value(diagnosis_.signature.relation)}};
  }

  Json advice() const {
    Json notes = Json::array();
    for (const auto& each : diagnosis_.advice.notes) notes.push_back(to_json_value(each));
    return {{"help", to_json_value(diagnosis_.advice.help)}, {"notes", std::move(notes)}};
  }

  Json timing() const {
    Json samples = Json::array();
    std::uint64_t pause = 0, bytes = 0;
    for (const auto& each : account_.samples) {
      pause += each.pause_us;
      bytes += each.bytes_read;
      samples.push_back({{"read", each.stopped ? "stopped" : "still"},
                         {"pause_us", each.pause_us},
                         {"stops", each.stops},
                         {"tries", each.tries},
                         {"bytes_read", each.bytes_read}});
    }
    return {{"samples", std::move(samples)},
            {"interval_seconds", account_.interval_seconds},
            {"pause_us", pause},
            {"wall_us", account_.wall_us},
            {"bytes_read", bytes}};
  }

  static Json address(Address at) { return at ? Json(to_hex(at)) : Json(); }

  static Json frames(const std::vector<snapshot::Frame>& frames) {
    Json json = Json::array();
    for (const auto& frame : frames) put_place(frame, json.emplace_back());
    return json;
  }

  Json threads() const {
    Json json = Json::array();
    for (const auto& thread : snapshot_.threads) {
      json.push_back({{"tid", thread.tid},
                      {"name", to_json_value(thread.name)},
                      {"address", to_hex(thread.state)},
                      {"slept", thread.slept},
                      {"moves", thread.moves},
                      {"wait", snapshot::word_of(thread.wait.kind)},
                      {"waits_for", address(thread.wait.object)},
                      {"has_timeout", thread.wait.timed},
                      {"waits_by", thread.wait.evidence},
                      {"frames", frames(thread.frames)}});
    }
    return json;
  }

  Json tasks() const {
    Json json = Json::array();
    for (const auto& task : snapshot_.tasks) {
      Json chain = Json::array();
      for (const auto& link : task.chain) {
        Json entry = {{"type", to_json_value(link.type)}, {"address", to_hex(link.object)}};
        if (link.frame) put_place(*link.frame, entry);
        chain.push_back(std::move(entry));
      }
      json.push_back({{"name", to_json_value(task.name)},
                      {"address", to_hex(task.object)},
                      {"state", snapshot::word_of(task.state)},
                      {"runs", task.running},
                      {"moves", task.moves},
                      {"waits_for", address(task.waits_for)},
                      {"is_request", task.is_request},
                      {"await_chain", std::move(chain)}});
    }
    return json;
  }

  const snapshot::Snapshot& snapshot_;
  const Diagnosis& diagnosis_;
  const snapshot::Account& account_;
  const Options& options_;
  NodeFacts facts_;
  Aliases aliases_;
};

}  // namespace

std::string json(const snapshot::Snapshot& snapshot, const Diagnosis& diagnosis,
                 const snapshot::Account& account, const Options& options) {
  // ASCII, so that no bidirectional or C1 character reaches a terminal; and what might still be
  // no UTF-8 is replaced, never thrown about.
  return Document(snapshot, diagnosis, account, options)
             .write()
             .dump(2, ' ', true, nlohmann::json::error_handler_t::replace) +
         "\n";
}

}  // namespace hangspy::report
