#include "codecs/transcode.hpp"

#include <limits>
#include <stdexcept>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/msgpack_writer.hpp"

namespace greenroom::codecs {
namespace {

constexpr std::string_view bytes_key = "$bytes";
constexpr std::string_view extension_key = "$ext";

/// The only member of `object` where its key is that one; null otherwise.
const value* only_member(const value& object, std::string_view key) {
  if (object.count != 1) return nullptr;
  const auto [name, what] = *members_of(object).begin();
  return name == key ? &what : nullptr;
}

/// `{"$bytes": base64}` as bin.
bool append_as_bytes(msgpack_writer& w, const value& object) {
  const auto* text = only_member(object, bytes_key);
  if (text == nullptr || !text->is(kind::text)) return false;
  const auto data = from_base64(text->text());
  if (data) w.bytes(*data);
  return data.has_value();
}

/// `{"$ext": [type, base64]}` as ext.
bool append_as_extension(msgpack_writer& w, const value& object) {
  const auto* pair = only_member(object, extension_key);
  if (pair == nullptr || !pair->is(kind::array) || pair->count != 2) return false;
  const value& type = *(pair + 1);
  const value& text = *type.end();
  using byte = std::numeric_limits<std::int8_t>;
  std::int8_t number = 0;
  if (type.is(kind::natural) && type.natural <= static_cast<std::uint64_t>(byte::max())) {
    number = static_cast<std::int8_t>(type.natural);
  } else if (type.is(kind::negative) && type.negative >= byte::min()) {
    number = static_cast<std::int8_t>(type.negative);
  } else {
    return false;
  }
  if (!text.is(kind::text)) return false;
  const auto data = from_base64(text.text());
  if (data) w.extension(number, *data);
  return data.has_value();
}

void append_base64_text(std::string& out, std::string_view data) {
  out += '"';
  append_base64(out, data);
  out += '"';
}

}  // namespace

void append_json(std::string& out, const value& what) {
  json_writer w{out};
  switch (what.what) {
    case kind::null: return w.null();
    case kind::boolean: return w.boolean(what.boolean);
    case kind::natural: return w.natural(what.natural);
    case kind::negative: return w.integer(what.negative);
    case kind::real: return w.real(what.real);
    case kind::text: return w.text(what.text());
    case kind::flawed: return w.null();
    case kind::bytes:
      w.begin_object();
      w.key(bytes_key);
      append_base64_text(out, what.text());
      return w.end_object();
    case kind::extension:
      w.begin_object();
      w.key(extension_key);
      w.begin_array(2);
      w.integer(what.extension);
      out += ',';
      append_base64_text(out, what.text());
      w.end_array();
      return w.end_object();
    case kind::array:
      w.begin_array(what.count);
      for (const value& item : items_of(what)) {
        w.item();
        append_json(out, item);
      }
      return w.end_array();
    case kind::object:
      w.begin_object();
      for (const auto [key, member] : members_of(what)) {
        w.key(key);
        append_json(out, member);
      }
      return w.end_object();
  }
}

void append_msgpack(std::string& out, const value& what) {
  msgpack_writer w{out};
  switch (what.what) {
    case kind::null: return w.null();
    case kind::boolean: return w.boolean(what.boolean);
    case kind::natural: return w.natural(what.natural);
    case kind::negative: return w.integer(what.negative);
    case kind::real: return w.real(what.real);
    case kind::text: return w.text(what.text());
    case kind::flawed: return w.null();
    case kind::bytes: return w.bytes(what.text());
    case kind::extension: return w.extension(what.extension, what.text());
    case kind::array:
      w.begin_array(what.count);
      for (const value& item : items_of(what)) append_msgpack(out, item);
      return;
    case kind::object:
      if (append_as_bytes(w, what) || append_as_extension(w, what)) return;
      w.map(what.count);
      for (const auto [key, member] : members_of(what)) {
        w.text(key);
        append_msgpack(out, member);
      }
      return;
  }
}

std::optional<std::string> transcode(format from, std::string_view bytes, bounds within) {
  borrowed_document document;
  if (document->read(from, bytes, within) || first_flaw(document->root()) != nullptr) return std::nullopt;
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  if (from == format::json)
    append_msgpack(out, document->root());
  else
    append_json(out, document->root());
  return out;
}

std::string canonical_msgpack(const payload& what) {
  borrowed_document document;
  if (document->read(what.origin(), what.original(), unbounded)) throw std::logic_error{"A payload is no document."};
  std::string out;
  append_msgpack(out, document->root());
  return out;
}

}  // namespace greenroom::codecs
