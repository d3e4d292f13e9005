#pragma once
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "codecs/errc.hpp"
#include "codecs/limits.hpp"

namespace greenroom::codecs {

enum class kind : std::uint8_t {
  null,
  boolean,
  natural,
  negative,
  real,
  text,
  bytes,
  extension,
  array,
  object,
  flawed
};

/// How large a document may be. The defaults are for what comes from outside.
struct bounds {
  std::size_t depth = limits::depth_max;
  std::size_t elements = limits::elements_max;
};

/// For what a node made or checked itself, and for what a client's node sends it: the bytes are the bound.
inline constexpr bounds unbounded{.depth = limits::trusted_depth_max, .elements = 0xffff'ffff};

/// One value of a document, 32 bytes. Values stand one after the other as in the input: an array is followed by its
/// items, an object by its keys and values in turn, so that `this + span` is whatever comes next on the same level.
struct value {
  kind what = kind::null;
  errc flaw = errc::success;    ///< of a flawed value: well formed, but nothing that can be passed on
  std::int8_t extension = 0;    ///< the type of an extension
  std::uint32_t span = 1;       ///< values from here to the next one on this level
  std::uint32_t count = 0;      ///< items of an array, members of an object, bytes of `content`
  std::uint32_t raw_bytes = 0;  ///< behind `first`
  const char* first = nullptr;  ///< of the bytes as they came
  union {
    const char* content = nullptr;  ///< of a text or key, unescaped; of bytes and extensions
    bool boolean;
    std::uint64_t natural;
    std::int64_t negative;  ///< below zero
    double real;
  };

  bool is(kind k) const noexcept { return what == k; }
  std::string_view raw() const noexcept { return {first, raw_bytes}; }
  std::string_view text() const noexcept { return {content, count}; }
  const value* end() const noexcept { return this + span; }

  void set_raw(std::string_view bytes) noexcept {
    first = bytes.data();
    raw_bytes = static_cast<std::uint32_t>(bytes.size());
  }
  void set_text(std::string_view bytes) noexcept {
    content = bytes.data();
    count = static_cast<std::uint32_t>(bytes.size());
  }
};

/// for (const value& item : items_of(array))
class items_of {
 public:
  struct iterator {
    const value* at;
    const value& operator*() const noexcept { return *at; }
    iterator& operator++() noexcept { return at = at->end(), *this; }
    bool operator==(const iterator&) const = default;
  };
  explicit items_of(const value& array) : array_{&array} {}
  iterator begin() const noexcept { return {array_ + 1}; }
  iterator end() const noexcept { return {array_->end()}; }

 private:
  const value* array_;
};

/// for (auto [key, what] : members_of(object))
class members_of {
 public:
  struct member {
    std::string_view key;
    const value& what;
  };
  struct iterator {
    const value* at;
    member operator*() const noexcept {
      return {at->is(kind::text) ? at->text() : std::string_view{}, *at->end()};  // a flawed key has no name
    }
    iterator& operator++() noexcept { return at = at->end()->end(), *this; }
    bool operator==(const iterator&) const = default;
  };
  explicit members_of(const value& object) : object_{&object} {}
  iterator begin() const noexcept { return {object_ + 1}; }
  iterator end() const noexcept { return {object_->end()}; }

 private:
  const value* object_;
};

/// The member of that name, the last one where there are several; null where there is none.
const value* find(const value& object, std::string_view key) noexcept;

/// The first flawed value in `in`, itself included; null where all is well.
const value* first_flaw(const value& in) noexcept;

/// How a developer would name `to` inside `from`: `params.payload.list[3]`, where `from` is called "params"; a flawed
/// key is named by its object.
std::string path_to(const value& to, const value& from, std::string_view name);

}  // namespace greenroom::codecs
