#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "codecs/jwt_key.hpp"

namespace greenroom::codecs {

namespace limits {
inline constexpr std::size_t jwt_keys_max = 64;
}

/// KEY_SET is the keys that may have signed a token. An id chooses among them, an algorithm only where there is no id:
/// whichever key comes out, its own algorithm must be the token's.
///
/// Lifecycle: made whole by make_key_set, replaced whole by whoever holds it. Threading: immutable, any thread.
/// Bounds: limits::jwt_keys_max. Failure: make_key_set gives null and says why.
class key_set {
 public:
  enum class miss : std::uint8_t {
    unknown,          ///< no key has that id
    wrong_algorithm,  ///< the key of that id, or all keys, hold another algorithm
    ambiguous         ///< the token names no key, and several fit
  };
  struct hit {
    const jwt_key* key;  ///< lives as long as the set
    bool by_id;          ///< false: the key has no id, and none has the id that was asked for
  };

  /// `kid` is empty where the token names no key. A key without an id serves an id that no key has.
  std::variant<hit, miss> find(std::string_view kid, jwt_algorithm alg) const noexcept;

  const std::vector<jwt_key>& keys() const noexcept { return keys_; }

 private:
  friend std::shared_ptr<const key_set> make_key_set(std::vector<jwt_key>, std::string&);
  explicit key_set(std::vector<jwt_key> keys) : keys_{std::move(keys)} {}

  std::vector<jwt_key> keys_;
};
using key_set_ptr = std::shared_ptr<const key_set>;

/// Refuses two keys of one id, and two without an id that hold the same algorithm: no token could choose between them.
key_set_ptr make_key_set(std::vector<jwt_key> keys, std::string& why);

}  // namespace greenroom::codecs
