// The bytes as an ELF image, as a core with its notes, and as an image in memory. The core's own
// files are looked for in a folder that holds nothing but this file.
#include <array>
#include <filesystem>
#include <fstream>

#include "bytes.hpp"
#include "elf/image.hpp"
#include "memory/page_cache.hpp"
#include "python/runtime.hpp"
#include "reports.hpp"
#include "session/reading.hpp"

namespace hangspy::fuzz {
namespace {

constexpr std::size_t kMaxLooks = 64;  // at mappings and segments of one file

// A folder that goes away, with one file in it.
class Folder {
 public:
  Folder() { require(::mkdtemp(path_.data()) != nullptr, "no folder"); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::filesystem::path path() const { return path_; }
  [[nodiscard]] std::filesystem::path file() const { return path() / "core"; }

 private:
  std::string path_ = std::filesystem::temp_directory_path() / "hangspy-fuzz-XXXXXX";
};

class AtBase final : public memory::Memory {
 public:
  explicit AtBase(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  static constexpr Address kBase{0x10000};
  [[nodiscard]] Result<void> read(Address at, std::span<std::byte> out) const override {
    const auto offset = at.value - kBase.value;
    if (at < kBase || offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return fail(Failure::kUnmapped, "outside");
    }
    std::copy_n(std::as_bytes(bytes_).begin() + static_cast<std::ptrdiff_t>(offset), out.size(),
                out.begin());
    return {};
  }

 private:
  std::span<const std::uint8_t> bytes_;
};

void read_image(const std::filesystem::path& path) {
  const auto image = elf::Image::open(path);
  if (!image) return require_harmless(image.error().what);
  for (const char* name : {"_PyRuntime", "Py_Version", "none"}) {
    const auto symbol = (*image)->symbol(name);
    if (!symbol || !*symbol) continue;
    static_cast<void>(memory::read_as<std::uint64_t>(**image, (*symbol)->address));
  }
  for (const char* name : {".dynsym", ".debug_info"}) static_cast<void>((*image)->section(name));
  std::size_t looks = 0;
  for (const auto& segment : (*image)->segments()) {
    std::array<std::byte, 64> bytes{};
    static_cast<void>((*image)->read(segment.address, bytes));
    static_cast<void>((*image)->read(segment.address + segment.file_size - 64, bytes));
    if (++looks == kMaxLooks) break;
  }
}

void read_core(const Folder& folder) {
  const auto core = target::open_core({folder.file(), std::nullopt, folder.path()});
  if (!core) return require_harmless(core.error().what);
  static_cast<void>((*core)->threads());
  const auto cache = session::cache_over(**core);
  std::size_t looks = 0;
  for (const auto& mapping : (*core)->mappings()) {
    require(mapping.begin < mapping.end, "a mapping is empty");
    static_cast<void>(memory::read_as<std::uint64_t>(cache, mapping.begin));
    static_cast<void>(memory::read_as<std::uint64_t>(cache, mapping.end - 8));
    static_cast<void>((*core)->file_behind(mapping));
    if (++looks == kMaxLooks) break;
  }
  const auto runtime = python::find_runtime(**core, cache);
  if (!runtime) require_harmless(runtime.error().what);
}

}  // namespace
}  // namespace hangspy::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const hangspy::fuzz::Folder folder;
  std::ofstream(folder.file(), std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  hangspy::fuzz::read_image(folder.file());
  hangspy::fuzz::read_core(folder);
  const hangspy::fuzz::AtBase memory({data, size});
  static_cast<void>(hangspy::elf::build_id_in_memory(memory, hangspy::fuzz::AtBase::kBase));
  return 0;
}
