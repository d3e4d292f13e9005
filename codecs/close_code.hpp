#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace greenroom::codecs {

/// May the client connect again? `later`: after a pause that grows from attempt to attempt.
enum class reconnect : std::uint8_t { no, yes, later };

/// One row of the table of WebSocket close codes: the only words that a close frame of ours carries.
struct close_code {
  std::uint16_t code;
  std::string_view reason;  ///< the close frame's text, at most 123 bytes
  reconnect again;
  std::string_view when;  ///< for the documentation
};

namespace close_codes {

inline constexpr close_code closed{1000, "closed", reconnect::yes, "The client called session.close, or closed first."};
inline constexpr close_code going_away{1001, "going_away", reconnect::yes,
                                       "The session ended and its connection with it."};
inline constexpr close_code protocol_error{1002, "protocol_error", reconnect::no, "A frame breaks RFC 6455."};
inline constexpr close_code wrong_data{1003, "wrong_data", reconnect::no,
                                       "No message of the protocol, or text where it wants binary, or the opposite."};
inline constexpr close_code bad_utf8{1007, "bad_utf8", reconnect::no, "A text frame is not UTF-8."};
inline constexpr close_code bad_deflate{1007, "bad_deflate", reconnect::no,
                                        "A compressed message is no deflate data, or is cut off."};
inline constexpr close_code over_limits{1007, "over_limits", reconnect::no,
                                        "A document passes the limits: depth, elements, lengths."};
inline constexpr close_code token_expired{1008, "token_expired", reconnect::yes,
                                          "The token's time is over; come back with a new one."};
inline constexpr close_code kicked{1008, "kicked", reconnect::no,
                                   "A behaviour ended the session; its own sentence may stand in the word's place."};
inline constexpr close_code revoked{1008, "revoked", reconnect::no,
                                    "The user, the session, the token or the API key was revoked."};
inline constexpr close_code flood{1008, "flood", reconnect::later, "The client went on sending over its rate limits."};
inline constexpr close_code too_big{1009, "too_big", reconnect::no,
                                    "A message, its fragments or its inflated size pass the limit."};
inline constexpr close_code internal{1011, "internal", reconnect::later,
                                     "The connection's or session's actor was given up."};
inline constexpr close_code restart{1012, "restart", reconnect::yes,
                                    "The node stops or restarts; sessions stay resumable."};
inline constexpr close_code slow_consumer{1013, "slow_consumer", reconnect::later,
                                          "The client reads slower than its rooms write."};
inline constexpr close_code overloaded{1013, "overloaded", reconnect::later,
                                       "The node has no room for another connection."};
inline constexpr close_code store_unavailable{1013, "store_unavailable", reconnect::later,
                                              "The disk failed; what has no answer is to be sent again, same id."};
inline constexpr close_code session_replaced{4009, "session_replaced", reconnect::no,
                                             "The session was resumed on another connection."};

}  // namespace close_codes

/// An author's own sentence as the text of a close frame: cut between two characters where it is longer than 123 bytes,
/// empty where it is not UTF-8.
std::string close_text(std::string_view sentence);

/// All of them, in the order of their numbers.
std::span<const close_code> all_close_codes() noexcept;

}  // namespace greenroom::codecs
