/// VAULT seals what must be kept secret (envelope encryption): every record has a data key of its own, 256 random bits,
/// which seals its value and is itself wrapped under a key-encryption key (KEK). The KEKs come from outside and are
/// never stored. The first of them wraps what is new, all of them unwrap; a rotation wraps data keys again and touches no
/// value.
///
///   wrapped   version 1 · XAES-256-GCM(KEK,      aad = "key" KEK's id, name;   the data key)
///   sealed    version 1 · XAES-256-GCM(data key, aad = "value" name;          the value)
///
/// So a record opens under its own name only, and neither half fits another record.
///
/// Threading: any; nothing of it changes. Lifecycle: made at start, shared by everyone who seals or opens.
/// Bounds: its caller's. Failure: hostile bytes are `refused`, never an exception.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/cipher.hpp"
#include "storage/secret.hpp"

namespace greenroom::storage {

/// Why a record does not open.
enum class unsealed : std::uint8_t {
  well,
  unknown_kek,  ///< its key-encryption key is not here
  refused,      ///< it was changed, or it is another record's, or another key has that id
};

class vault {
 public:
  struct kek {
    std::string id;
    secret_key key;
  };
  /// std::invalid_argument where there is none, or two have one id.
  explicit vault(std::vector<kek> keys);

  const std::string& newest() const noexcept { return keys_.front().id; }
  bool has(std::string_view id) const noexcept { return find(id) != nullptr; }

  struct made_key {
    key_ptr key;
    stored_secret stored;  ///< without a value
  };
  /// A fresh data key of that name.
  made_key make_key(std::string_view name) const;
  /// Null where `why` is not `well`.
  key_ptr key_of(const stored_secret& of, unsealed& why) const;

  stored_secret seal(std::string_view name, std::string_view value, std::int64_t now_ms) const;
  std::optional<secret_text> open(const stored_secret& what, unsealed& why) const;
  /// The same record, its data key wrapped under the newest KEK.
  std::optional<stored_secret> rewrap(const stored_secret& what, unsealed& why) const;

 private:
  const kek* find(std::string_view id) const noexcept;
  std::string wrap(std::string_view name, const secret_key& what) const;

  std::vector<kek> keys_;
};

}  // namespace greenroom::storage
