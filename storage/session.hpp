/// What survives of a session when its connection or the whole node ends. The store never decides that a session is
/// over: its actor does, and erases it here before it says so.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/errc.hpp"
#include "storage/log.hpp"

namespace greenroom::storage {

using token_hash = std::array<std::byte, 32>;  ///< SHA-256 of a resume token; the token itself is never stored

enum class identity : std::uint8_t { authenticated, anonymous };

struct stored_membership {
  std::string room{};
  position seen{};                ///< what has provably arrived at the client; without an epoch the join is not over
  std::uint64_t incarnation = 0;  ///< a removal names it, so that a late one never removes a rejoin
  std::int64_t since_ms = 0;      ///< when the session joined
  std::string presence{};         ///< opaque; what the member shows to others
  bool operator==(const stored_membership&) const = default;
};

/// What a session shows of its user, and until what it set is newer than another one's.
struct stored_presence {
  std::string status{}, location{};
  std::string meta{};      ///< opaque; empty: none
  std::int64_t stamp = 0;  ///< grows with each that a node takes; 0: nothing was set
  bool operator==(const stored_presence&) const = default;
};

struct stored_session {
  std::string id{};
  std::string user{};
  identity kind = identity::authenticated;
  token_hash token{};
  std::optional<token_hash> previous_token{};  ///< still works until the new one has provably arrived
  std::int64_t created_ms = 0;
  std::int64_t window_ms = 0;    ///< how long it may stay detached
  std::int64_t deadline_ms = 0;  ///< when the detached session ends; 0: attached
  std::vector<stored_membership> rooms{};
  stored_presence shown{};
  std::vector<std::string> watched{};  ///< users
  bool operator==(const stored_session&) const = default;
};

/// What a session's rooms become: those whose join is not over stay as they are stored, or away.
std::vector<stored_membership> merged(const std::vector<stored_membership>& wanted,
                                      std::span<const stored_membership> stored);

}  // namespace greenroom::storage
