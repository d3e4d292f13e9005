#include "codecs/arguments.hpp"

#include <algorithm>
#include <stdexcept>

#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/params_reader.hpp"

namespace greenroom::codecs {
namespace {

bool is_object(const payload& what) {
  const auto bytes = what.original();
  if (what.origin() == format::json) return bytes.find_first_not_of(" \t\r\n") == bytes.find('{');
  constexpr unsigned char fixmap_first = 0x80, fixmap_last = 0x8f, map16 = 0xde, map32 = 0xdf;
  const auto first = static_cast<unsigned char>(bytes.front());
  return (first >= fixmap_first && first <= fixmap_last) || first == map16 || first == map32;
}

}  // namespace

std::vector<payload_ptr> arguments_of(const payload_ptr& params) {
  if (!params) return {};
  borrowed_document read;
  if (read->read(params->origin(), params->original(), unbounded))
    throw std::logic_error{"A payload is no document of its format."};
  const value& root = read->root();
  if (!root.is(kind::array)) return {params};
  std::vector<payload_ptr> all;
  all.reserve(root.count);
  for (const value& each : items_of(root)) all.push_back(cut(params->origin(), each));
  return all;
}

std::vector<payload_ptr> arguments_of(const results::document& what) {
  if (what.shape == payload_shape::arguments) return arguments_of(what.body);
  return {what.body};
}

payload_ptr list_of(const std::vector<payload_ptr>& items) {
  const auto is_msgpack = [](const payload_ptr& each) { return each && each->origin() == format::msgpack; };
  const auto as = std::ranges::any_of(items, is_msgpack) ? format::msgpack : format::json;
  std::string out;
  const auto write = [&](auto w) {
    w.begin_array(items.size());
    for (const auto& each : items) w.item(), each ? w.raw(each->as(as)) : w.null();
    w.end_array();
  };
  as == format::json ? write(json_writer{out}) : write(msgpack_writer{out});
  return std::make_shared<const payload>(as, std::move(out));
}

payload_ptr as_params(payload_ptr what) {
  if (what && is_object(*what)) return what;
  return list_of({std::move(what)});
}

std::optional<std::string> text_of(const payload_ptr& what) {
  borrowed_document read;
  if (!what || read->read(what->origin(), what->original(), unbounded) || !read->root().is(kind::text))
    return std::nullopt;
  return std::string{read->root().text()};
}

payload_ptr text_document(std::string_view utf8) {
  std::string out;
  json_writer{out}.text(utf8);
  return std::make_shared<const payload>(format::json, std::move(out));
}

}  // namespace greenroom::codecs
