#include "codecs/jwt_mint.hpp"

#include <stdexcept>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/jwt_document.hpp"

namespace greenroom::codecs {
namespace {

void claim(json_writer& w, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  w.key(name);
  w.text(text);
}

void audiences(json_writer& w, const std::vector<std::string>& all) {
  if (all.empty()) return;
  if (all.size() == 1) return claim(w, "aud", all.front());
  w.key("aud");
  w.begin_array(all.size());
  for (const auto& each : all) {
    w.item();
    w.text(each);
  }
  w.end_array();
}

void further(json_writer& w, std::string_view more) {
  if (more.empty()) return;
  borrowed_document read;
  if (read->read(format::json, more) || !read->root().is(kind::object) || first_flaw(read->root()) != nullptr)
    throw std::invalid_argument{"further claims must be a JSON object"};
  for (const auto [key, what] : members_of(read->root())) {
    w.key(key);
    w.raw(what.raw());
  }
}

}  // namespace

std::string mint_jwt(const jwt_order& order, const jwt_signer& with) {
  std::string header, claims;
  json_writer h{header}, c{claims};
  h.begin_object();
  claim(h, "alg", name_of(with.key().algorithm()));
  claim(h, "typ", "JWT");
  claim(h, "kid", with.key().kid());
  h.end_object();
  c.begin_object();
  claim(c, "iss", order.issuer);
  claim(c, "sub", order.subject);
  audiences(c, order.audiences);
  c.key("iat");
  c.natural(order.issued_at_s);
  c.key("exp");
  c.natural(order.expires_at_s);
  claim(c, "jti", order.id);
  claim(c, "scope", order.scope);
  further(c, order.more);
  c.end_object();

  borrowed_document written;
  if (written->read(format::json, claims) || has_repeated_member(written->root()))
    throw std::invalid_argument{"a claim is stated twice, or is not UTF-8"};
  return sign_jwt(header, claims, with);
}

std::string sign_jwt(std::string_view header, std::string_view claims, const jwt_signer& with) {
  std::string token;
  append_base64url(token, header);
  token += '.';
  append_base64url(token, claims);
  const auto signature = with.sign(token);
  token += '.';
  append_base64url(token, signature);
  return token;
}

}  // namespace greenroom::codecs
