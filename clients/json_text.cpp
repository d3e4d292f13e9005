#include "clients/json_text.hpp"

#include <simdjson.h>

#include <boost/json.hpp>

namespace greenroom::clients {
namespace json = boost::json;
namespace lazy = simdjson::ondemand;

std::string quoted(std::string_view text) { return json::serialize(json::value(json::string_view{text})); }

bool is_json(std::string_view text) {
  boost::system::error_code error;
  json::parse({text.data(), text.size()}, error);
  return !error;
}

object_text& object_text::raw(std::string_view name, std::string_view json) {
  if (text_.size() > 1) text_ += ',';
  text_.append(quoted(name)).append(":").append(json);
  return *this;
}

object_members::object_members(std::string_view text) {
  if (!is_json(text)) return;  // simdjson's lazy reader does not check what it skips
  const simdjson::padded_string padded{text};
  lazy::parser parser;
  lazy::document document;
  lazy::object object;
  if (parser.iterate(padded).get(document) || document.get_object().get(object)) return;
  for (auto field : object) {
    std::string_view name, value;
    lazy::value element;
    if (field.unescaped_key().get(name)) return;
    std::string key{name};
    if (field.value().get(element) || simdjson::to_json_string(element).get(value)) return;
    members_.emplace_back(std::move(key), value);
  }
}

std::string_view object_members::raw(std::string_view name) const {
  for (const auto& [key, value] : members_)
    if (key == name) return value;
  return {};
}

std::string object_members::text(std::string_view name) const {
  const auto value = raw(name);
  if (!value.starts_with('"')) return std::string{value};
  const auto parsed = json::parse({value.data(), value.size()});
  return {parsed.get_string().data(), parsed.get_string().size()};
}

std::vector<std::string> array_elements(std::string_view text) {
  std::vector<std::string> elements;
  if (!is_json(text)) return elements;
  const simdjson::padded_string padded{text};
  lazy::parser parser;
  lazy::document document;
  lazy::array array;
  if (parser.iterate(padded).get(document) || document.get_array().get(array)) return elements;
  for (auto element : array) {
    std::string_view value;
    lazy::value item;
    if (std::move(element).get(item) || simdjson::to_json_string(item).get(value)) break;
    elements.emplace_back(value);
  }
  return elements;
}

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const bool c1 = byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c1) ++i;
    out += byte < 0x20 || byte == 0x7f || c1 ? '?' : text[i];
  }
  return out;
}

}  // namespace greenroom::clients
