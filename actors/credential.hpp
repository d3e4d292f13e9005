/// CREDENTIAL is what a caller has shown for itself, beside its name: the token or the API key, and what that lets it do.
/// One is shared by all that the caller does; it never changes.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace greenroom {

class grants;

struct credential {
  std::string token_id{};                   ///< `jti`; empty: it has none, or it is no token
  std::string key_id{};                     ///< of the API key; empty: it is none
  std::int64_t issued_at_ms = 0;            ///< `iat`, or when the key was made; 0: unknown
  std::vector<std::string> scopes{};        ///< of the key
  std::shared_ptr<const grants> allowed{};  ///< beside what the namespaces allow; null: nothing
};

}  // namespace greenroom
