#include "codecs/phoenix_reader.hpp"

#include <array>
#include <charconv>

#include "codecs/limits.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/utf8.hpp"

namespace greenroom::codecs::phoenix {
namespace {

bool take_ref(const value& from, ref& into) {
  if (from.raw_bytes > limits::request_id_bytes_max) return false;
  switch (from.what) {
    case kind::null: into = {}; return true;
    case kind::text: into = {ref::sort::text, std::string{from.text()}}; return true;
    case kind::natural:
    case kind::negative:
    case kind::real: into = {ref::sort::number, std::string{from.raw()}}; return true;
    default: return false;
  }
}

std::error_code read_text(std::string_view input, document& into, message& out) {
  if (const auto why = into.read(format::json, input)) return why;
  constexpr std::size_t members = 5;  // what follows them is ignored, as Phoenix does
  const value& root = into.root();
  if (!root.is(kind::array) || root.count < members) return errc::ill_formed;
  const value& join = *(&root + 1);
  const value& which = *join.end();
  const value& topic = *which.end();
  const value& event = *topic.end();
  if (!take_ref(join, out.join) || !take_ref(which, out.which) || !topic.is(kind::text) || !event.is(kind::text))
    return errc::ill_formed;
  out.topic = topic.text();
  out.event = event.text();
  out.in = format::json;
  out.payload = event.end();
  return {};
}

/// Takes the first `count` bytes off `from`.
std::string_view take(std::string_view& from, std::size_t count) {
  const auto taken = from.substr(0, count);
  from.remove_prefix(count);
  return taken;
}

std::error_code read_binary(std::string_view input, document& into, std::string& packed, message& out) {
  constexpr std::size_t names = 4;
  if (input.size() < 1 + names || input.front() != static_cast<char>(frame_type::push)) return errc::ill_formed;
  input.remove_prefix(1);
  std::array<std::size_t, names> lengths{};
  std::size_t all = 0;
  for (auto& length : lengths) all += length = static_cast<unsigned char>(take(input, 1).front());
  if (all > input.size()) return errc::ill_formed;
  std::array<std::string_view, names> name;
  for (std::size_t i = 0; i != names; ++i) {
    name[i] = take(input, lengths[i]);
    if (!is_utf8(name[i])) return errc::ill_formed;
  }
  const auto text_ref = [](std::string_view text) {
    return text.empty() ? ref{} : ref{ref::sort::text, std::string{text}};
  };
  out.join = text_ref(name[0]);
  out.which = text_ref(name[1]);
  out.topic = name[2];
  out.event = name[3];
  out.in = format::msgpack;
  msgpack_writer{packed}.bytes(input);
  if (const auto why = into.read(format::msgpack, packed)) return why;
  out.payload = &into.root();
  return {};
}

void append(std::string& id, const ref& which) {
  constexpr std::array<char, 3> sorts{'0', 't', 'n'};
  id += sorts[static_cast<std::size_t>(which.is)];
  id += std::to_string(which.content.size());
  id += ':';
  id += which.content;
}

std::uint64_t take_number(std::string_view& from, char end) {
  std::uint64_t number = 0;
  const auto at = std::from_chars(from.data(), from.data() + from.size(), number).ptr;
  from.remove_prefix(static_cast<std::size_t>(at - from.data()));
  if (!from.empty() && from.front() == end) from.remove_prefix(1);
  return number;
}

ref take_ref(std::string_view& from) {
  const auto sort = take(from, 1).front();
  const auto length = take_number(from, ':');
  return {sort == '0'   ? ref::sort::none
          : sort == 't' ? ref::sort::text
                        : ref::sort::number,
          std::string{take(from, length)}};
}

}  // namespace

std::error_code read_message(frame_kind kind, std::string_view input, document& into, message& out) {
  out.packed.clear();
  return kind == frame_kind::text ? read_text(input, into, out) : read_binary(input, into, out.packed, out);
}

std::string to_id(const address& where) {
  std::string id{static_cast<char>(where.of)};
  id += std::to_string(where.serial) + ':';
  append(id, where.join);
  append(id, where.which);
  return id += where.topic;
}

address from_id(std::string_view id) {
  address where;
  where.of = static_cast<address::purpose>(take(id, 1).front());
  where.serial = take_number(id, ':');
  where.join = take_ref(id);
  where.which = take_ref(id);
  where.topic = id;
  return where;
}

}  // namespace greenroom::codecs::phoenix
