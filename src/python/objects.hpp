// CPython's objects as they lie in memory: types, numbers, strings, containers, attributes.
//
// Nothing here trusts the target. Every count is bounded, every pointer is read through Memory,
// and a value that no healthy CPython holds is an error that names the address. Containers are
// walked whole instead of hashed into: a dict's entries lie in one array, and reading it needs no
// knowledge of the hash function.
//
// Sources: Include/cpython/{object,dictobject,unicodeobject,longintrepr}.h, Objects/dictobject.c,
// Modules/_collectionsmodule.c, Objects/setobject.c, tags v3.11.7, v3.12.1, v3.13.0.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "hangspy/result.hpp"
#include "hangspy/text.hpp"
#include "memory/memory.hpp"
#include "python/layouts/layouts.hpp"

namespace hangspy::python {

using Items = std::vector<Address>;
using Entry = std::pair<Address, Address>;  // key, value

// The bits of tp_flags that say which builtin type a type derives from (Include/object.h).
enum class Kind : std::uint8_t {
  kLong = 24,
  kList = 25,
  kTuple = 26,
  kBytes = 27,
  kString = 28,
  kDict = 29,
  kType = 31,
};

class Objects {
 public:
  Objects(const memory::Memory& memory, const layouts::Build& build)
      : memory_(memory), build_(build), lasting_memory_(memory) {
    lasting_.reset(new Objects(build, lasting_memory_));
  }

  // The same objects, for what never changes while they live: types, code, names. A stop need not
  // copy what is read through this.
  [[nodiscard]] const Objects& lasting() const { return lasting_ ? *lasting_ : *this; }

  [[nodiscard]] const layouts::Build& build() const { return build_; }
  [[nodiscard]] const layouts::Layout& layout() const { return build_.layout; }
  [[nodiscard]] const layouts::Traits& traits() const { return build_.traits; }
  [[nodiscard]] const memory::Memory& memory() const { return memory_; }

  // ---- words
  template <class T>
  [[nodiscard]] Result<T> value(Address at) const {
    return memory::read_as<T>(memory_, at);
  }
  // The pointer at `at`: null, or 8-aligned and in the lower half of the address space.
  [[nodiscard]] Result<Address> pointer(Address at) const {
    HANGSPY_TRY(word, value<std::uint64_t>(at));
    if (word != 0 && !is_plausible(word)) return no_pointer(at);
    return Address{word};
  }
  // `count` words from `at`, in one read. Error: kLimit over kMaxItems.
  [[nodiscard]] Result<std::vector<std::uint64_t>> words(Address at, std::uint64_t count) const;
  [[nodiscard]] Result<std::string> c_string(Address at) const;
  // Memory::expect, for so many objects that it pays: each page of a few is soon met anyway. Of
  // very many kAtATime: what was read of those is still in the processor's cache when it is looked
  // at.
  void expect(std::span<const Address> objects) const {
    if (objects.size() >= kMany) memory_.expect(objects);
  }
  // The same for those of `all` from `index` on, each time that a loop over them gets so far.
  void expect_in_turn(std::span<const Address> all, std::size_t index) const {
    if (index % kAtATime == 0) expect(some_of(all, index));
  }
  // The same for what each of them points to at `field`.
  void expect_behind(std::span<const Address> objects, std::uint64_t field) const;

  // ---- types
  // The object's type; an error unless the type's own type is a type, too.
  [[nodiscard]] Result<Address> type_of(Address object) const;
  [[nodiscard]] Result<bool> is_kind(Address object, Kind kind) const;
  // tp_name: "coroutine", "_asyncio.Task"; of a Python class only its bare name.
  [[nodiscard]] Result<Text> type_name(Address type) const;
  // module and qualified name of a type, as Python shows it; for people, not for decisions.
  [[nodiscard]] Result<Text> full_type_name(Address type) const;
  [[nodiscard]] Result<std::uint64_t> basic_size(Address type) const;
  // Whether `object` is an instance of `type` or of a subclass, by the type's own mro.
  [[nodiscard]] bool is_instance(Address object, Address type) const;
  // Whether the object's own type is a builtin (static) one of this tp_name.
  [[nodiscard]] bool is_builtin(Address object, std::string_view name) const;
  // A coroutine, generator or asynchronous generator: of the same layout.
  [[nodiscard]] bool is_generator(Address object) const;
  [[nodiscard]] bool is_none(Address object) const;
  // References counted; an error for an immortal object, which counts none.
  [[nodiscard]] Result<std::uint64_t> reference_count(Address object) const;

  // ---- scalars and strings
  [[nodiscard]] Result<std::int64_t> integer(Address object) const;  // error over 60 bits
  [[nodiscard]] Result<double> real(Address object) const;           // a float or an int
  [[nodiscard]] bool is_true(Address object) const;                  // a bool or int that is not 0
  [[nodiscard]] Result<Text> text(Address string) const;             // at most kMaxText characters
  [[nodiscard]] bool equals(Address string, std::string_view ascii) const;
  [[nodiscard]] Result<std::string> bytes(Address object) const;

  // ---- containers
  [[nodiscard]] Result<Items> tuple(Address object) const;
  // Its first item alone. Error: it is no tuple, or has none.
  [[nodiscard]] Result<Address> tuple_front(Address object) const;
  [[nodiscard]] Result<Items> list(Address object) const;
  [[nodiscard]] Result<Items> set(Address object) const;
  [[nodiscard]] Result<Items> deque(Address object) const;
  [[nodiscard]] Result<std::vector<Entry>> dict(Address object) const;
  // The value of a str key, if there is one.
  [[nodiscard]] Result<std::optional<Address>> item(Address dict, std::string_view key) const;
  // What the references of a weakref.WeakSet refer to: None, where that is no more.
  [[nodiscard]] Result<Items> weak_set(Address object) const;

  // ---- attributes
  // The attributes in the instance's dict or inline values; what its class has in slots is not
  // among them.
  [[nodiscard]] Result<std::vector<Entry>> attributes(Address object) const;
  // The dict object of an instance; null while its values still lie in the instance itself.
  [[nodiscard]] Result<Address> instance_dict(Address object) const;
  // Whether any weak reference to the object is alive.
  [[nodiscard]] Result<bool> has_weak_references(Address object) const;
  // One attribute, from there or from a slot.
  [[nodiscard]] Result<std::optional<Address>> find(Address object, std::string_view name) const;
  // The same, but an error when there is no such attribute.
  [[nodiscard]] Result<Address> attribute(Address object, std::string_view name) const;
  // What the classes of `type` define under this name, first in the mro.
  [[nodiscard]] Result<std::optional<Address>> class_attribute(Address type,
                                                               std::string_view name) const;
  // Values of the `__slots__` of an object: (name, value) for each that is set.
  [[nodiscard]] Result<std::vector<std::pair<std::string, Address>>> slots(Address object) const;

  static constexpr std::uint64_t kHighestUserAddress = 1ULL << 47;
  static constexpr std::uint64_t kMaxItems = 1U << 20;
  static constexpr std::uint64_t kMaxText = 1U << 14;
  static constexpr std::size_t kMany = 64;
  static constexpr std::size_t kAtATime = 512;
  static std::span<const Address> some_of(std::span<const Address> all, std::size_t first) {
    return all.subspan(first, std::min(kAtATime, all.size() - first));
  }

 private:
  Objects(const layouts::Build& build, const memory::Memory& lasting)
      : memory_(lasting), build_(build), lasting_memory_(lasting) {}

  static bool is_plausible(std::uint64_t word) {
    return word % 8 == 0 && word >= 4096 && word < kHighestUserAddress;
  }
  static tl::unexpected<Error> no_pointer(Address at);

  struct TypeFacts {
    Text name;
    std::uint64_t flags = 0;
    bool is_generator = false;
    Items mro;  // few
  };
  [[nodiscard]] Result<const TypeFacts*> facts(Address type) const;
  [[nodiscard]] Result<const TypeFacts*> read_facts(Address type) const;
  [[nodiscard]] Result<const TypeFacts*> facts_of(Address object) const;
  struct StringData {
    Address data;
    std::uint64_t length;
    std::uint8_t width;
  };
  [[nodiscard]] Result<StringData> string_data(Address string) const;
  struct KeyTable {
    Address entries;
    std::uint64_t count = 0;
    std::uint64_t width = 0;  // words of an entry, of which key and value are the last
  };
  [[nodiscard]] Result<KeyTable> key_table(Address keys) const;
  // What a dict, or an instance without one, maps: the values are among the keys, or (where many
  // share these) in an array of their own.
  struct Mapped {
    Address keys;
    Address values;  // null: among the keys
  };
  [[nodiscard]] Result<Mapped> mapped_by(Address dict) const;
  [[nodiscard]] Result<std::optional<Mapped>> own_mapped(Address object) const;
  [[nodiscard]] Result<std::vector<Entry>> entries_of(const Mapped& mapped) const;
  [[nodiscard]] Result<std::optional<Address>> value_of(const Mapped& mapped,
                                                        std::string_view key) const;
  [[nodiscard]] Result<std::vector<Entry>> key_entries(Address keys) const;
  [[nodiscard]] Result<std::vector<Entry>> split_entries(Address keys, Address values) const;
  [[nodiscard]] Result<Address> inline_values(Address object, std::uint64_t flags) const;
  [[nodiscard]] Result<Address> plain_dict(Address object, Address type) const;

  const memory::Memory& memory_;
  const layouts::Build& build_;
  memory::LastingMemory lasting_memory_;
  std::unique_ptr<Objects> lasting_;  // none in the lasting objects themselves
  mutable std::unordered_map<std::uint64_t, TypeFacts> types_;
  // The types used last, by some bits of their address: nearly every look-up ends here.
  mutable std::array<std::pair<Address, const TypeFacts*>, 256> recent_types_{};
  mutable Address none_;  // there is one
};

}  // namespace hangspy::python
