/// What is kept of an API key, and of what was taken back. The key's own text is nowhere: only the SHA-256 of its secret.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace greenroom::storage {

using secret_hash = std::array<std::byte, 32>;  ///< SHA-256

/// What a key lets its user do, beside what the namespaces say: patterns, as their owner has written them.
struct stored_grant {
  std::vector<std::string> rooms{}, actions{}, methods{}, users{};
  bool operator==(const stored_grant&) const = default;
};

struct stored_key {
  std::string id{};
  secret_hash hash{};
  std::string user{};  ///< whom it acts as
  std::vector<std::string> scopes{};
  std::vector<stored_grant> grants{};
  std::string note{};
  std::int64_t created_ms = 0;
  std::int64_t expires_ms = 0;  ///< 0: never
  std::int64_t used_ms = 0;     ///< the last time, give or take what was not written yet; 0: never
  bool operator==(const stored_key&) const = default;
};

/// What can be taken back beside a key, which is simply erased.
enum class revoked : std::uint8_t {
  user,     ///< everything that was given to that user until then
  session,  ///< that session
  token,    ///< tokens with that `jti`
};

struct stored_revocation {
  revoked kind = revoked::user;
  std::string name{};
  std::int64_t at_ms = 0;
  std::int64_t until_ms = 0;  ///< then no token of its time is valid any more
  std::string note{};
  bool operator==(const stored_revocation&) const = default;
};

}  // namespace greenroom::storage
