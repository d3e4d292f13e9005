/// A user's inbox: directed messages, numbered with a growing `n` (gaps are possible), which stay until they are
/// acknowledged, expire, or fail too often. What leaves without an acknowledgement becomes a dead letter with its
/// reason; so does a message on its way into a room that crashed on it. At every moment
///
///   accepted = acknowledged + queued + dead + purged                                          (see `statistics`)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/errc.hpp"
#include "storage/limits.hpp"
#include "storage/log.hpp"
#include "storage/session.hpp"

namespace greenroom::storage {

struct inbox_bounds {
  std::uint64_t messages = limits::inbox_messages_max;
  std::uint64_t bytes = limits::inbox_bytes_max;
};

struct inbox_message {
  std::uint64_t n = 0;
  std::int64_t at_ms = 0;
  std::int64_t expires_ms = 0;  ///< never handed out at or after this moment
  std::uint32_t attempts = 0;   ///< deliveries after which a connection ended without acknowledging anything
  bytes_ptr body{};             ///< null: damaged, as in a log
};

struct inbox_state {
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::uint64_t first = 0;  ///< the oldest queued, 0 when there is none
  std::uint64_t last = 0;   ///< no later message gets a number up to this one
  bool operator==(const inbox_state&) const = default;
};

struct inbox_page {
  errc error = errc::success;
  inbox_state state{};
  std::vector<inbox_message> messages{};  ///< oldest first
  std::uint64_t expired = 0;              ///< passed over among them: see `inbox_ack`
};

/// Whose inboxes hold messages, or are damaged and may, among some rows.
struct holders_page {
  std::vector<std::string> users{};   ///< by name
  std::optional<std::string> upto{};  ///< the last name that was looked at; none: there are no more
};

struct inbox_summary {
  std::string user{};
  inbox_state state{};
};

enum class dead_reason : std::uint8_t {
  expired,        ///< its time to live passed
  undeliverable,  ///< `delivery_attempts_max` connections ended on it
  crashed,        ///< its room failed on it: nothing of it was published
};

struct dead_letter {
  std::uint64_t id = 0;                     ///< grows; names the letter for replay and purge
  std::string user{};                       ///< whose inbox it was in; empty: it was on its way into `room`
  std::string room{};                       ///< empty: it was in an inbox
  std::string sender{};                     ///< of a room's letter: whose id it bears
  identity kind = identity::authenticated;  ///< of a room's letter: of who published it
  std::uint64_t n = 0;                      ///< the number that it had in the inbox; 0: it was in none
  std::int64_t at_ms = 0;
  std::int64_t died_ms = 0;
  dead_reason reason = dead_reason::expired;
  std::uint32_t attempts = 0;  ///< of a room's letter: how often the room has failed on it
  bytes_ptr body{};
};

}  // namespace greenroom::storage
