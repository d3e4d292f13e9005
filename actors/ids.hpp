/// Names of things, one type each, so that a room's name never stands where a session's id belongs.
#pragma once
#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace greenroom {

template <class Tag>
struct text_id {
  std::string value;
  auto operator<=>(const text_id&) const = default;
  bool empty() const noexcept { return value.empty(); }
};

using room_id = text_id<struct room_tag>;        ///< as clients write it: `namespace:rest`, or anything else
using session_id = text_id<struct session_tag>;  ///< public: 88 random bits as base64url
using user_id = text_id<struct user_tag>;        ///< the authenticated subject

/// Finds an id's hash without making one from a view.
struct text_hash {
  using is_transparent = void;
  std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
  template <class Tag>
  std::size_t operator()(const text_id<Tag>& id) const noexcept {
    return std::hash<std::string_view>{}(id.value);
  }
};

/// A session in a room, this time. It grows within a process and is never used twice, so that a late "it died" never
/// removes a rejoin.
enum class incarnation : std::uint64_t { none = 0 };

}  // namespace greenroom

template <class Tag>
struct std::hash<greenroom::text_id<Tag>> : greenroom::text_hash {};
