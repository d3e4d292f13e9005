#pragma once
#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>
#include <vector>

#include "codecs/described_method.hpp"
#include "codecs/outcome.hpp"
#include "codecs/payload.hpp"
#include "codecs/value.hpp"

/// FIELDS turn a struct into a document and back: its field list is written once, and gives parsing with the path of
/// the first bad member (-32602), writing, and a JSON Schema.
///
///   struct move {
///     std::string game;
///     std::uint8_t from = 0, to = 0;
///     std::optional<std::string> note;
///     static constexpr auto fields() {
///       return std::tuple{field_of("game", &move::game, 64), field_of("from", &move::from, 63),
///                         field_of("to", &move::to, 63), field_of("note", &move::note)};
///     }
///   };
///
/// A member may be a bool, an integer, a float, a text, a payload_ptr (any document, cut out as it stands), a struct
/// with fields, or a std::optional, std::vector or std::map by name of these. An optional one may be absent or null.
/// Unknown members are ignored; one that stands twice is refused. `max` bounds the bytes of a text, the value of an
/// integer, the items of a list.
///
/// Threading: none of it has state. Bounds: the document's own (limits.hpp). Failure: reading gives an error; writing
/// throws std::invalid_argument for a text that is not UTF-8 or a number that is not finite.
namespace greenroom::codecs {

template <class Struct, class T>
struct described_field {
  std::string_view name;
  T Struct::*at;
  std::uint64_t max;
};
/// `max` 0: as large as it comes.
template <class Struct, class T>
constexpr described_field<Struct, T> field_of(std::string_view name, T Struct::*at, std::uint64_t max = 0) {
  return {name, at, max};
}

template <class T>
concept has_fields = requires {
  T::fields();
};

/// A document as a payload: what a behaviour answers or publishes. Throws std::invalid_argument where the text is not
/// JSON.
payload_ptr json_document(std::string_view json);

namespace detail {

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_list : std::false_type {};
template <class T>
struct is_list<std::vector<T>> : std::true_type {};
template <class T>
struct is_map : std::false_type {};
template <class T>
struct is_map<std::map<std::string, T>> : std::true_type {};

/// Reads one value after the other; the first that does not fit is remembered, with its path.
class field_reader {
 public:
  explicit field_reader(format in) : in_{in} {}

  template <class T>
  void read(const std::string& path, const value& from, T& into, std::uint64_t max) {
    if (why_) return;
    if constexpr (is_optional<T>::value) {
      if (!from.is(kind::null)) read(path, from, into.emplace(), max);
    } else if constexpr (is_list<T>::value) {
      read_list(path, from, into, max);
    } else if constexpr (is_map<T>::value) {
      if (!from.is(kind::object)) return refuse(path, "must be an object.");
      for (const auto [key, what] : members_of(from))
        read(path + '.' + std::string{key}, what, into[std::string{key}], max);
    } else if constexpr (has_fields<T>) {
      read_struct(path, from, into);
    } else if constexpr (std::same_as<T, std::string>) {
      read_text(path, from, into, max);
    } else if constexpr (std::same_as<T, payload_ptr>) {
      into = cut(from);
    } else if constexpr (std::same_as<T, bool>) {
      if (!from.is(kind::boolean)) return refuse(path, "must be true or false.");
      into = from.boolean;
    } else if constexpr (std::floating_point<T>) {
      double number = 0;
      if (read_number(path, from, number)) into = static_cast<T>(number);
    } else {
      static_assert(std::integral<T>, "fields.hpp says which types a field may have");
      using limit = std::numeric_limits<T>;
      const auto most = static_cast<std::uint64_t>(limit::max());
      std::int64_t below = 0;
      std::uint64_t above = 0;
      if (read_integer(path, from, static_cast<std::int64_t>(std::is_signed_v<T> ? limit::min() : T{0}),
                       max != 0 && max < most ? max : most, below, above))
        into = below < 0 ? static_cast<T>(below) : static_cast<T>(above);
    }
  }
  template <has_fields T>
  void read_struct(const std::string& path, const value& from, T& into) {
    if (!from.is(kind::object)) return refuse(path, "must be an object.");
    std::apply([&](const auto&... each) { (member(path, from, into, each), ...); }, T::fields());
  }
  /// A list where an object is expected: its items are the fields in their order, as JSON-RPC allows for params.
  template <has_fields T>
  void read_by_position(const std::string& path, const value& from, T& into) {
    constexpr auto most = std::tuple_size_v<decltype(T::fields())>;
    if (from.count > most) return refuse(path, "must have at most " + std::to_string(most) + " items.");
    std::vector<const value*> items(most, nullptr);
    std::size_t count = 0;
    for (const value& each : items_of(from)) items[count++] = &each;
    std::size_t next = 0;
    auto take = [&](const auto& field) {
      const auto at = next++;
      if (!why_) found(path, path + '[' + std::to_string(at) + ']', items[at], into, field);
    };
    std::apply([&](const auto&... each) { (take(each), ...); }, T::fields());
  }
  template <has_fields T>
  void read_nothing(const std::string& path, T& into) {  ///< no params at all: every member is absent
    std::apply([&](const auto&... each) { (absent(path, into, each), ...); }, T::fields());
  }

  const std::optional<error>& why() const noexcept { return why_; }
  void refuse(const std::string& path, std::string sentence);

 private:
  template <class S, class T>
  void member(const std::string& path, const value& from, S& into, const described_field<S, T>& field) {
    if (why_) return;
    const auto where = path + '.' + std::string{field.name};
    const value* one = nullptr;
    for (const auto [key, what] : members_of(from)) {
      if (key != field.name) continue;
      if (one) return refuse(where, "stands twice.");
      one = &what;
    }
    found(path, where, one, into, field);
  }
  template <class S, class T>
  void found(const std::string& path, const std::string& where, const value* what, S& into,
             const described_field<S, T>& field) {
    if (what && (is_optional<T>::value || !what->is(kind::null) || std::same_as<T, payload_ptr>))
      read(where, *what, into.*field.at, field.max);
    else
      absent(path, into, field);
  }
  template <class S, class T>
  void absent(const std::string& path, S&, const described_field<S, T>& field) {
    if (!is_optional<T>::value) refuse(path + '.' + std::string{field.name}, "is missing.");
  }
  template <class T>
  void read_list(const std::string& path, const value& from, std::vector<T>& into, std::uint64_t max) {
    if (!from.is(kind::array)) return refuse(path, "must be an array.");
    if (max != 0 && from.count > max) return refuse(path, "must have at most " + std::to_string(max) + " items.");
    std::size_t index = 0;
    for (const value& each : items_of(from)) {
      T one{};
      read(path + '[' + std::to_string(index++) + ']', each, one, 0);
      if (why_) return;
      into.push_back(std::move(one));
    }
  }
  void read_text(const std::string& path, const value& from, std::string& into, std::uint64_t max);
  bool read_number(const std::string& path, const value& from, double& into);
  bool read_integer(const std::string& path, const value& from, std::int64_t least, std::uint64_t most,
                    std::int64_t& below, std::uint64_t& above);
  payload_ptr cut(const value& from) const;

  format in_;
  std::optional<error> why_;
};

/// Reads a payload's document and hands its root to `with`; null where there is no payload.
void with_document(const payload* from, void (*with)(void* self, format in, const value* root), void* self);

/// Writes JSON.
class field_writer {
 public:
  template <class T>
  void write(const T& what) {
    if constexpr (is_optional<T>::value) {
      if (what)
        write(*what);
      else
        raw("null");
    } else if constexpr (is_list<T>::value) {
      open('[');
      for (const auto& each : what) item(), write(each);
      close(']');
    } else if constexpr (is_map<T>::value) {
      open('{');
      for (const auto& [key, each] : what) name(key), write(each);
      close('}');
    } else if constexpr (has_fields<T>) {
      open('{');
      std::apply([&](const auto&... each) { (member(what, each), ...); }, T::fields());
      close('}');
    } else if constexpr (std::same_as<T, std::string>) {
      text(what);
    } else if constexpr (std::same_as<T, payload_ptr>) {
      raw(what ? what->as(format::json) : "null");
    } else if constexpr (std::same_as<T, bool>) {
      raw(what ? "true" : "false");
    } else if constexpr (std::floating_point<T>) {
      real(what);
    } else {
      raw(std::to_string(what));
    }
  }
  std::string take() { return std::move(out_); }

 private:
  template <class S, class T>
  void member(const S& of, const described_field<S, T>& field) {
    const auto& what = of.*field.at;
    if constexpr (is_optional<T>::value) {
      if (!what) return;
    }
    name(field.name);
    write(what);
  }
  void open(char bracket) { out_ += bracket; }
  void close(char bracket) { out_ += bracket; }
  void item();
  void name(std::string_view key);
  void raw(std::string_view json) { out_ += json; }
  void text(std::string_view utf8);
  void real(double number);

  std::string out_;
};

/// A JSON Schema of a field's type.
template <class T>
std::string schema(std::uint64_t max = 0) {
  const auto bound = [max](std::string_view key) {
    return max == 0 ? std::string{} : ",\"" + std::string{key} + "\":" + std::to_string(max);
  };
  if constexpr (is_optional<T>::value) {
    return schema<typename T::value_type>(max);
  } else if constexpr (is_list<T>::value) {
    return R"({"type":"array","items":)" + schema<typename T::value_type>() + bound("maxItems") + '}';
  } else if constexpr (is_map<T>::value) {
    return R"({"type":"object","additionalProperties":)" + schema<typename T::mapped_type>() + '}';
  } else if constexpr (has_fields<T>) {
    std::string properties, required;
    const auto add = [&]<class S, class M>(const described_field<S, M>& field) {
      const auto quoted = '"' + std::string{field.name} + '"';
      properties += (properties.empty() ? "" : ",") + quoted + ':' + schema<M>(field.max);
      if (!is_optional<M>::value) required += (required.empty() ? "" : ",") + quoted;
    };
    std::apply([&](const auto&... each) { (add(each), ...); }, T::fields());
    return R"({"type":"object","properties":{)" + properties + R"(},"required":[)" + required + "]}";
  } else if constexpr (std::same_as<T, std::string>) {
    return R"({"type":"string")" + bound("maxLength") + '}';
  } else if constexpr (std::same_as<T, payload_ptr>) {
    return "{}";
  } else if constexpr (std::same_as<T, bool>) {
    return R"({"type":"boolean"})";
  } else if constexpr (std::floating_point<T>) {
    return R"({"type":"number"})";
  } else {
    return R"({"type":"integer")" + (std::is_signed_v<T> ? std::string{} : std::string{R"(,"minimum":0)"}) +
           bound("maximum") + '}';
  }
}

}  // namespace detail

/// The struct that a document holds, or what is wrong with it. `root` names it in the path. A list holds the fields in
/// their order.
template <has_fields T>
std::variant<T, error> read_fields(const payload* from, std::string_view root = "params") {
  struct task {
    std::string_view root;
    T made{};
    std::optional<error> why;
  } task{.root = root, .made = {}, .why = {}};
  detail::with_document(
      from,
      [](void* self, format in, const value* what) {
        auto& to = *static_cast<struct task*>(self);
        detail::field_reader reader{in};
        if (what && what->is(kind::array))
          reader.read_by_position(std::string{to.root}, *what, to.made);
        else if (what)
          reader.read_struct(std::string{to.root}, *what, to.made);
        else
          reader.read_nothing(std::string{to.root}, to.made);
        to.why = reader.why();
      },
      &task);
  if (task.why) return std::move(*task.why);
  return std::move(task.made);
}

template <has_fields T>
payload_ptr write_fields(const T& what) {
  detail::field_writer out;
  out.write(what);
  return std::make_shared<const payload>(format::json, out.take());
}

/// What `rpc.discover` says of a method with these parameters.
template <has_fields T>
std::vector<described_param> params_of() {
  std::vector<described_param> all;
  const auto add = [&]<class S, class M>(const described_field<S, M>& field) {
    all.push_back({std::string{field.name}, detail::schema<M>(field.max), !detail::is_optional<M>::value});
  };
  std::apply([&](const auto&... each) { (add(each), ...); }, T::fields());
  return all;
}

template <has_fields T>
std::string schema_of() {
  return detail::schema<T>();
}

}  // namespace greenroom::codecs
