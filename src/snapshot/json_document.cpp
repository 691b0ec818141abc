// The limits are held while the parser runs, so that a small file cannot become a big tree: once
// one is passed, nothing more is kept.
#include "snapshot/json_document.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hangspy/text.hpp"

namespace hangspy::snapshot {
namespace {

using Json = nlohmann::json;

tl::unexpected<Error> no_snapshot(const std::string& why) {
  return fail(Failure::kFile, "the snapshot's JSON " + why);
}

// Hears of everything that the parser comes across, and says whether to keep it.
class Guard {
 public:
  explicit Guard(const JsonLimits& limits) : limits_(limits) {}

  bool hear(Json::parse_event_t event, const Json& parsed) {
    switch (event) {
      case Json::parse_event_t::object_start:
        open(Open{.is_list = false});
        break;
      case Json::parse_event_t::array_start:
        open(Open{.is_list = true});
        break;
      case Json::parse_event_t::key:
        ++open_.back().count;
        break;
      case Json::parse_event_t::object_end:
        close_object(parsed);
        break;
      case Json::parse_event_t::array_end:
        open_.pop_back();
        break;
      case Json::parse_event_t::value:
        count_value();
        break;
    }
    return !broken_;
  }

  [[nodiscard]] const std::optional<std::string>& broken() const { return broken_; }

 private:
  struct Open {
    bool is_list = false;
    std::size_t count = 0;  // the keys of an object, the items of a list
  };

  void open(Open what) {
    count_value();
    open_.push_back(what);
    if (open_.size() > limits_.depth) {
      refuse("is nested deeper than " + std::to_string(limits_.depth));
    }
  }

  void close_object(const Json& object) {
    if (open_.back().count != object.size()) refuse("has an object with the same key twice");
    open_.pop_back();
  }

  void count_value() {
    if (++values_ > limits_.values) {
      refuse("has more than " + std::to_string(limits_.values) + " values");
    }
    if (open_.empty() || !open_.back().is_list) return;
    if (++open_.back().count > limits_.list_items) {
      refuse("has a list of more than " + std::to_string(limits_.list_items) + " items");
    }
  }

  void refuse(std::string why) {
    if (!broken_) broken_ = std::move(why);
  }

  const JsonLimits& limits_;
  std::vector<Open> open_;
  std::size_t values_ = 0;
  std::optional<std::string> broken_;
};

}  // namespace

Result<Json> parse_document(std::string_view json, const JsonLimits& limits) {
  if (json.size() > limits.bytes) {
    return no_snapshot("is longer than " + std::to_string(limits.bytes) + " bytes");
  }
  Guard guard(limits);
  const auto hear = [&guard](int, Json::parse_event_t event, Json& parsed) {
    // After a refusal the parser drops what it reads, and no longer tells of each end.
    return !guard.broken() && guard.hear(event, parsed);
  };
  try {
    Json document = Json::parse(json, hear);
    if (guard.broken()) return no_snapshot(*guard.broken());
    return document;
  } catch (const Json::parse_error& error) {  // its text quotes the file, so it is not repeated
    return no_snapshot("is malformed at byte " + std::to_string(error.byte));
  } catch (const Json::out_of_range&) {
    return no_snapshot("has a number too large for any field");
  }
}

}  // namespace hangspy::snapshot
