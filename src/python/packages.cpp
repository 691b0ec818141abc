#include "python/packages.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace hangspy::python {
namespace {

constexpr std::array kPackages = {"django",   "asgiref",   "uvicorn", "daphne", "hypercorn",
                                  "gunicorn", "starlette", "fastapi", "anyio",  "uvloop"};
constexpr std::size_t kMaxDirectory = 20'000;  // entries of a site-packages folder looked at
constexpr std::size_t kMaxMetadata = std::size_t{64} * 1024;
constexpr std::size_t kMaxVersion = 256;

std::optional<Text> string_global(const Process& process, std::string_view module,
                                  std::string_view name) {
  const auto found = process.landmarks().global(process.objects(), module, name);
  if (!found) return std::nullopt;
  const auto text = process.objects().text(*found);
  return text ? std::optional(*text) : std::nullopt;
}

// "Version: 0.18.0" in the head of a METADATA file. Its lines may be of any length, and what is
// called so may be no file: a pipe would never end.
std::optional<Text> version_in(const std::filesystem::path& metadata) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(metadata, failed)) return std::nullopt;
  std::ifstream file(metadata, std::ios::binary);
  std::string head(kMaxMetadata, '\0');
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(file.gcount()));
  std::istringstream lines(head);
  for (std::string line; std::getline(lines, line) && !line.empty();) {
    if (line.starts_with("Version: ")) return Text::of_target(line.substr(9, kMaxVersion));
  }
  return std::nullopt;
}

// The dist-info folder NAME-*.dist-info beside the package's own folder.
std::optional<Text> version_beside(const Process& process, const target::Target& target,
                                   const std::string& name) {
  const auto file = string_global(process, name, "__file__");
  if (!file) return std::nullopt;
  const auto init = std::filesystem::path(std::string(file->bytes()));
  const auto site = target.file_at(Text::of_target(init.parent_path().parent_path().string()));
  if (!site) return std::nullopt;
  std::error_code failed;
  std::size_t seen = 0;
  for (std::filesystem::directory_iterator each(*site, failed), end; !failed && each != end;
       each.increment(failed)) {
    if (++seen > kMaxDirectory) break;
    const auto folder = each->path().filename().string();
    if (folder.starts_with(name + "-") && folder.ends_with(".dist-info")) {
      return version_in(each->path() / "METADATA");
    }
  }
  return std::nullopt;
}

bool names_application(std::string_view word) {
  const auto colon = word.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == word.size()) return false;
  return std::all_of(word.begin(), word.end(),
                     [](char each) {
                       return std::isalnum(static_cast<unsigned char>(each)) != 0 || each == '_' ||
                              each == '.' || each == ':';
                     }) &&
         std::isdigit(static_cast<unsigned char>(word[colon + 1])) == 0;
}

}  // namespace

std::vector<snapshot::Package> packages(const Process& process, const target::Target& target) {
  std::vector<snapshot::Package> found;
  for (const std::string name : kPackages) {
    if (!process.landmarks().module_dict(name)) continue;
    auto version = string_global(process, name, "__version__");
    if (!version) version = version_beside(process, target, name);
    if (version) found.push_back({name, *version});
  }
  return found;
}

Text served_application(const Process& process) {
  const auto& objects = process.objects();
  const auto argv = process.landmarks().global(objects, "sys", "argv");
  const auto words = argv ? objects.list(*argv) : fail(Failure::kImplausible, "");
  if (!words || words->empty()) return {};
  const auto program = objects.text(words->front());
  if (!program) return {};
  auto path = std::filesystem::path(std::string(program->bytes()));
  // `python -m uvicorn` gives .../uvicorn/__main__.py
  const auto name =
      path.filename() == "__main__.py" ? path.parent_path().filename() : path.filename();
  for (std::size_t i = 1; i < words->size(); ++i) {
    const auto word = objects.text((*words)[i]);
    if (word && names_application(word->bytes())) {
      return Text::of_target(name.string() + " " + std::string(word->bytes()));
    }
  }
  return Text::of_target(name.string());
}

bool is_supervisor(const Process& process) {
  for (const auto& thread : process.threads()) {
    const auto has = [&](Mark mark) {
      return std::find(thread.marks.begin(), thread.marks.end(), mark) != thread.marks.end();
    };
    // A worker that was forked has its arbiter's frames below its own; one that serves in the same
    // process (hypercorn with no workers) runs a loop there.
    const bool serves = has(Mark::kForkedWorker) || thread.running_loop;
    if (has(Mark::kSupervisor) && !serves) return true;
  }
  return false;
}

}  // namespace hangspy::python
