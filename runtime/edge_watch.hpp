/// EDGE_WATCH counts what the edge of the node turns away or cuts off, by reason, for `greenroom_edge_refused_total`. The log
/// hears of each reason at most once a minute, with how many there were since: an attack must not fill the disk.
///
/// Lifecycle: the process'. Threading: any. Bounds: a number and a time a reason. Failure: none.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace greenroom::runtime::edge {

enum class reason : std::uint8_t {
  slow_handshake,  ///< TLS
  slow_proxy,      ///< the PROXY protocol's header
  slow_header,     ///< of a request
  slow_body,       ///< of a request
  slow_message,    ///< of a WebSocket
  slow_reader,     ///< an answer that nobody read
  bad_proxy,       ///< no header of the PROXY protocol, from a listed proxy
  bad_forwarded,   ///< X-Forwarded-For of a listed proxy, no list of addresses: ignored
  foreign_origin,  ///< a page that may not talk to this node
  no_descriptors,  ///< the process has no descriptor left for a connection
};
inline constexpr std::array<std::string_view, 10> words{
    "slow_handshake", "slow_proxy", "slow_header",   "slow_body",      "slow_message",
    "slow_reader",    "bad_proxy",  "bad_forwarded", "foreign_origin", "no_descriptors"};

inline constexpr std::chrono::minutes between_lines{1};

/// `who`: the peer, `what`: what it said; both for the log, where not empty.
void count(reason why, std::string_view who = {}, std::string_view what = {}) noexcept;
std::uint64_t counted(reason why) noexcept;

/// Whether a line is due, and how many it speaks for. Pure; of `count`.
class pace {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  /// 0: no line; else so many since the last one.
  std::uint64_t tick(time_point now) noexcept;

 private:
  std::uint64_t untold_ = 0;
  time_point next_{};
};

}  // namespace greenroom::runtime::edge
