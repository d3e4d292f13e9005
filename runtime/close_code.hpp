/// The WebSocket close codes that the transport itself issues or reports (RFC 6455, 7.4.1). What a code means to a
/// client, and the codes of sessions and rooms, stand in the codecs' table.
#pragma once

#include <cstdint>

namespace greenroom::runtime::close_code {

inline constexpr std::uint16_t normal = 1000;
inline constexpr std::uint16_t going_away = 1001;
inline constexpr std::uint16_t protocol_error = 1002;
inline constexpr std::uint16_t no_status = 1005;  ///< Reported only: the peer's close frame had no code.
inline constexpr std::uint16_t abnormal = 1006;   ///< Reported only: the connection ended without a close frame.
inline constexpr std::uint16_t bad_payload = 1007;
inline constexpr std::uint16_t too_big = 1009;
inline constexpr std::uint16_t try_later = 1013;

}  // namespace greenroom::runtime::close_code
