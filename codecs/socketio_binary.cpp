#include "codecs/socketio_binary.hpp"

#include <algorithm>
#include <vector>

#include "codecs/base64.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/transcode.hpp"

namespace greenroom::codecs {
namespace {

enum class put : std::uint8_t { nothing, value, failed };

/// `{"$ext": [type, base64]}`, or what looks so much like it that nothing else is inside.
bool says_extension(const value& what) {
  if (what.count != 1) return false;
  const auto [key, pair] = *members_of(what).begin();
  if (key != "$ext" || !pair.is(kind::array) || pair.count != 2) return false;
  const value& type = *(&pair + 1);
  return (type.is(kind::natural) || type.is(kind::negative)) && type.end()->is(kind::text);
}

/// Appends `what` as MessagePack; `instead` may put something in a value's place, wherever it stands.
bool copy(const value& what, std::string& out, auto& instead) {
  switch (instead(what, out)) {
    case put::value: return true;
    case put::failed: return false;
    case put::nothing: break;
  }
  msgpack_writer w{out};
  if (what.is(kind::array)) {
    w.begin_array(what.count);
    for (const value& item : items_of(what)) {
      if (!copy(item, out, instead)) return false;
    }
  } else if (what.is(kind::object) && !says_bytes(what) && !says_extension(what)) {
    w.map(what.count);
    for (const auto [key, member] : members_of(what)) {
      w.text(key);
      if (!copy(member, out, instead)) return false;
    }
  } else {
    append_msgpack(out, what);
  }
  return true;
}

constexpr std::int8_t notepack_type = 0;

/// ArrayBuffers are written with a length of 8, 16 or 32 bits, whatever it is; dates and `undefined` never are.
bool is_array_buffer(const value& what) noexcept {
  constexpr unsigned char ext_8 = 0xc7, ext_32 = 0xc9;
  const auto marker = static_cast<unsigned char>(*what.first);
  return what.is(kind::extension) && what.extension == notepack_type && marker >= ext_8 && marker <= ext_32;
}

}  // namespace

bool fill_placeholders(const value& packet, std::span<const std::string> attachments, std::string& out) {
  std::vector<bool> used(attachments.size());
  auto instead = [&](const value& what, std::string& to) {
    if (!what.is(kind::object)) return put::nothing;
    const auto* mark = find(what, "_placeholder");
    if (mark == nullptr || !mark->is(kind::boolean) || !mark->boolean) return put::nothing;
    const auto* number = find(what, "num");
    if (number == nullptr || !number->is(kind::natural) || number->natural >= attachments.size()) return put::failed;
    if (used[number->natural]) return put::failed;
    used[number->natural] = true;
    msgpack_writer{to}.bytes(attachments[number->natural]);
    return put::value;
  };
  return copy(packet, out, instead);
}

bool is_undefined(const value& what) noexcept {
  return what.is(kind::extension) && what.extension == notepack_type && what.text() == std::string_view{"\0", 1} &&
         !is_array_buffer(what);
}

bool rewrite_notepack(const value& data, std::string& out) {
  const auto foreign = [](const value& what) { return is_undefined(what) || is_array_buffer(what); };
  if (std::none_of(&data, data.end(), foreign) || first_flaw(data) != nullptr) return false;
  auto instead = [&](const value& what, std::string& to) {
    if (!foreign(what)) return put::nothing;
    is_undefined(what) ? msgpack_writer{to}.null() : msgpack_writer{to}.bytes(what.text());
    return put::value;
  };
  return copy(data, out, instead);
}

bool says_bytes(const value& what) {
  if (what.is(kind::bytes)) return true;
  if (!what.is(kind::object) || what.count != 1) return false;
  const auto [key, text] = *members_of(what).begin();
  return key == "$bytes" && text.is(kind::text) && from_base64(text.text()).has_value();
}

}  // namespace greenroom::codecs
