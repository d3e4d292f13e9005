#include "codecs/described_method.hpp"

#include "codecs/document.hpp"
#include "codecs/payload.hpp"

namespace greenroom::codecs {

std::optional<std::vector<described_param>> params_of(const payload& schema) {
  const auto text = schema.as(format::json);
  borrowed_document document;
  if (document->read(format::json, text, unbounded)) return std::nullopt;
  const auto* properties = find(document->root(), "properties");
  if (properties == nullptr || !properties->is(kind::object)) return std::nullopt;
  const auto* required = find(document->root(), "required");
  const auto is_required = [required](std::string_view name) {
    if (required == nullptr || !required->is(kind::array)) return false;
    for (const value& each : items_of(*required))
      if (each.is(kind::text) && each.text() == name) return true;
    return false;
  };
  std::vector<described_param> all;
  for (const auto [name, what] : members_of(*properties))
    all.push_back({.name = std::string{name}, .schema = std::string{what.raw()}, .required = is_required(name)});
  return all;
}

}  // namespace greenroom::codecs
