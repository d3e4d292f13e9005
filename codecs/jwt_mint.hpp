#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/jwt_key.hpp"

namespace greenroom::codecs {

/// What a token is to say. Empty texts and lists stand for claims that it does not have.
struct jwt_order {
  std::string subject, issuer, id, scope;
  std::vector<std::string> audiences;  ///< one is written as a text, several as a list
  std::uint64_t issued_at_s = 0, expires_at_s = 0;
  std::string more;  ///< further claims: a JSON object, none of its members above; or empty
};

/// Mints a token for development: a node never calls this. Throws std::invalid_argument where `more` is not what it must
/// be.
std::string mint_jwt(const jwt_order& order, const jwt_signer& with);

/// Signs claims as they are, a JSON object or anything else; `header` likewise. The parts must be checked by the caller.
std::string sign_jwt(std::string_view header, std::string_view claims, const jwt_signer& with);

}  // namespace greenroom::codecs
