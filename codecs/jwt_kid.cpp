#include "codecs/jwt_kid.hpp"

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/jwt_key.hpp"
#include "codecs/limits.hpp"

namespace greenroom::codecs {
namespace {

constexpr bounds header_bounds{.depth = 8, .elements = 64};

}  // namespace

std::string claimed_kid(std::string_view token) {
  if (token.size() > limits::token_bytes_max) return {};
  const auto json = from_base64url(token.substr(0, token.find('.')));
  borrowed_document read;
  if (!json || read->read(format::json, *json, header_bounds) || !read->root().is(kind::object)) return {};
  const auto* kid = find(read->root(), "kid");
  if (kid == nullptr || !kid->is(kind::text) || kid->count > limits::jwt_kid_bytes_max) return {};
  return std::string{kid->text()};
}

}  // namespace greenroom::codecs
