/// A secret as it is stored: a value that is sealed under a key of its own (its data key), which is wrapped under one of
/// the keys that the store never sees (key-encryption keys). Both are opaque here; `vault` makes and opens them.
///
/// Names that begin with `reserved_names` are data keys of the store itself, without a value: those of logs that are
/// encrypted at rest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace greenroom::storage {

inline constexpr char reserved_names = '\x01';

struct stored_secret {
  std::string name{};
  std::string kek{};            ///< the id of the key that wraps the data key
  std::string wrapped{};        ///< the data key
  std::string sealed{};         ///< the value; empty: there is none
  std::int64_t changed_ms = 0;  ///< when the value was put; 0: of a data key of the store
  bool operator==(const stored_secret&) const = default;

  bool reserved() const noexcept { return name.starts_with(reserved_names); }
};

/// How many data keys are wrapped under that key.
struct kek_use {
  std::string kek{};
  std::uint64_t count = 0;
  bool operator==(const kek_use&) const = default;
};

}  // namespace greenroom::storage
