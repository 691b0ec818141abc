// The file: one line of JSON (who was read, its threads, the ranges), then the pages' bytes. It is
// written by `record_image` only, so a file that is not so is a mistake of ours and says so.
#include "image.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "memory/page_cache.hpp"
#include "python/packages.hpp"
#include "python/process.hpp"
#include "sync/reads.hpp"

namespace hangspy::images {
namespace {

using Json = nlohmann::json;
using target::kPageSize;

constexpr std::uint64_t kKept = 256;  // bytes; around each granule that was read

memory::PageCache cache_over(const target::Target& target) {
  return memory::PageCache([&target](std::span<const Address> pages, std::span<std::byte> out) {
    return target.fetch(pages, out);
  });
}

// Looks on while somebody reads, and remembers which granules.
class Onlooker final : public memory::Memory {
 public:
  explicit Onlooker(const memory::Memory& memory) : memory_(memory) {}

  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override {
    HANGSPY_CHECK(memory_.read(at, out));
    const auto last = (at.value + out.size() - 1) / kGranule;
    for (auto each = at.value / kGranule; !out.empty() && each <= last; ++each) seen_.insert(each);
    return {};
  }
  // Sorted, none touching another.
  [[nodiscard]] std::vector<Range> ranges() const {
    std::vector<Range> found;
    for (const auto each : seen_) {
      const Address at{each * kGranule};
      if (!found.empty() && found.back().at + found.back().size == at) {
        found.back().size += kGranule;
      } else {
        found.push_back({at, kGranule});
      }
    }
    return found;
  }

 private:
  const memory::Memory& memory_;
  mutable std::set<std::uint64_t> seen_;
};

Json to_json(const target::ThreadState& thread) {
  return {thread.tid,           thread.namespace_tid,      static_cast<int>(thread.activity),
          thread.syscall,       thread.arguments,          thread.fs_base,
          thread.stack_pointer, thread.instruction_pointer};
}

target::ThreadState thread_of(const Json& json) {
  target::ThreadState thread;
  thread.tid = json.at(0);
  thread.namespace_tid = json.at(1);
  thread.activity = static_cast<target::Activity>(json.at(2).get<int>());
  thread.syscall = json.at(3);
  thread.arguments = json.at(4);
  thread.fs_base = json.at(5);
  thread.stack_pointer = json.at(6);
  thread.instruction_pointer = json.at(7);
  return thread;
}

}  // namespace

Result<std::unique_ptr<Image>> Image::record(target::Tid pid) {
  HANGSPY_TRY(target, target::open_live(pid));
  const auto cache = cache_over(*target);
  const Onlooker onlooker(cache);
  auto image = std::make_unique<Image>();
  HANGSPY_TRY(runtime, python::find_runtime(*target, onlooker));
  image->pid_ = pid;
  image->runtime_ = runtime.at;
  image->number_ = runtime.number;
  image->executable_ = runtime.executable;
  HANGSPY_TRY(threads, target->threads());
  image->threads_ = threads;
  HANGSPY_TRY(reading, image->diagnose(onlooker));
  image->ranges_ = onlooker.ranges();
  image->lay_out();
  // From the cache, which holds them all: what was read, were the process to move meanwhile.
  for (std::size_t i = 0; i < image->pages_.size(); ++i) {
    const auto page = std::span(image->bytes_).subspan(i * kPageSize, kPageSize);
    HANGSPY_CHECK(cache.read(image->pages_[i], page));
  }
  image->forget_the_rest();
  HANGSPY_TRY(again, image->diagnose());
  if (again.snapshot != reading.snapshot) return fail(Failure::kFile, "the image is not whole");
  return image;
}

// Zeroes what lies in a page, but not beside anything that was read.
void Image::forget_the_rest() {
  std::set<std::uint64_t> near;
  for (const auto& range : ranges_) {
    const auto last = (range.at.value + range.size - 1) / kKept;
    for (auto each = range.at.value / kKept; each <= last; ++each) near.insert(each);
  }
  const std::vector<std::byte> nothing(kKept);
  for (const auto page : pages_) {
    for (auto at = page; at < page + kPageSize; at = at + kKept) {
      if (!near.contains(at.value / kKept)) write(at, nothing);
    }
  }
}

void Image::lay_out() {
  for (const auto& range : ranges_) {
    for (auto at = range.at.value / kPageSize; at * kPageSize < range.at.value + range.size; ++at) {
      const Address page{at * kPageSize};
      if (pages_.empty() || pages_.back() != page) pages_.push_back(page);
    }
  }
  bytes_.resize(pages_.size() * kPageSize);
}

Result<void> Image::save(const std::filesystem::path& path) const {
  Json head{{"pid", pid_},
            {"runtime", runtime_.value},
            {"version", number_},
            {"executable", to_json_value(executable_)}};
  for (const auto& thread : threads_) head["threads"].push_back(to_json(thread));
  std::uint64_t end = 0;  // each range by its distance from the one before: small numbers
  for (const auto& range : ranges_) {
    head["ranges"].push_back({(range.at.value - end) / kGranule, range.size / kGranule});
    end = range.at.value + range.size;
  }
  std::ofstream file(path, std::ios::binary);
  file << head.dump() << '\n';
  file.write(reinterpret_cast<const char*>(bytes_.data()),
             static_cast<std::streamsize>(bytes_.size()));
  if (!file.flush()) return fail(Failure::kFile, "cannot write " + path.string());
  return {};
}

Result<std::unique_ptr<Image>> Image::load(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (!std::getline(file, line)) return fail(Failure::kFile, "cannot read " + path.string());
  const auto head = Json::parse(line);
  auto image = std::make_unique<Image>();
  image->pid_ = head.at("pid");
  image->runtime_ = {head.at("runtime").get<std::uint64_t>()};
  image->number_ = head.at("version");
  HANGSPY_TRY(executable, from_json_value(head.at("executable").get<std::string>()));
  image->executable_ = std::move(executable);
  for (const auto& thread : head.at("threads")) image->threads_.push_back(thread_of(thread));
  std::uint64_t end = 0;
  for (const auto& range : head.at("ranges")) {
    const auto at = end + range.at(0).get<std::uint64_t>() * kGranule;
    image->ranges_.push_back({{at}, range.at(1).get<std::uint64_t>() * kGranule});
    end = at + image->ranges_.back().size;
  }
  image->lay_out();
  file.read(reinterpret_cast<char*>(image->bytes_.data()),
            static_cast<std::streamsize>(image->bytes_.size()));
  if (!file) return fail(Failure::kFile, path.string() + " is cut");
  return image;
}

const std::byte* Image::page(Address at) const {
  const auto found = std::lower_bound(pages_.begin(), pages_.end(), at);
  if (found == pages_.end() || *found != at) return nullptr;
  return bytes_.data() + static_cast<std::size_t>(found - pages_.begin()) * kPageSize;
}

Result<std::vector<std::size_t>> Image::fetch(std::span<const Address> pages,
                                              std::span<std::byte> out) const {
  std::vector<std::size_t> unread;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    const auto* bytes = page(pages[i]);
    if (bytes == nullptr) {
      unread.push_back(i);
    } else {
      std::memcpy(out.data() + i * kPageSize, bytes, kPageSize);
    }
  }
  return unread;
}

Result<void> Image::read(Address at, std::span<std::byte> out) const {
  while (!out.empty()) {
    const auto offset = at.value % kPageSize;
    const auto length = std::min<std::size_t>(out.size(), kPageSize - offset);
    const auto* found = page(at - offset);
    if (found == nullptr) return fail(Failure::kUnmapped, "not in the image: " + to_hex(at));
    std::memcpy(out.data(), found + offset, length);
    out = out.subspan(length);
    at = at + length;
  }
  return {};
}

void Image::mark_ran(target::Tid tid) {
  for (auto& each : threads_) each.ran = each.ran || each.tid == tid;
}

void Image::write(Address at, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto offset = at.value % kPageSize;
    const auto length = std::min<std::size_t>(bytes.size(), kPageSize - offset);
    if (const auto* found = page(at - offset)) {
      std::memcpy(bytes_.data() + (found - bytes_.data()) + offset, bytes.data(), length);
    }
    bytes = bytes.subspan(length);
    at = at + length;
  }
}

Result<Reading> Image::diagnose() const {
  return diagnose(cache_over(*this));
}

// What a session does with a core whose runtime it has found; the packages' files are not there.
Result<Reading> Image::diagnose(const memory::Memory& memory, const python::Known& known) const {
  HANGSPY_TRY(runtime, python::read_runtime(memory, runtime_, number_, executable_));
  HANGSPY_TRY(found, python::Process::find(memory, runtime));
  HANGSPY_TRY(process, python::Process::read(memory, runtime, threads_, found->landmarks(), known));
  Reading reading;
  reading.snapshot.is_core = true;
  reading.snapshot.pid = pid_;
  reading.snapshot.runtime = {runtime.version, runtime.executable, runtime.layout,
                              python::packages(*found, *this), python::served_application(*found)};
  sync::read_all(*process, reading.snapshot);
  reading.diagnosis = diagnosis::diagnose(reading.snapshot);
  return reading;
}

std::vector<std::filesystem::path> all(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> found;
  for (const auto& each : std::filesystem::directory_iterator(folder)) {
    if (each.path().extension() == ".image") found.push_back(each.path());
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace hangspy::images
