#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "codecs/codec.hpp"
#include "codecs/socketio_packet.hpp"

/// Socket.IO v5 as a codec and a dialogue of one namespace (docs/socketio.md). What is written are whole WebSocket
/// frames with Engine.IO's type digit in them; what is read are Engine.IO messages without it.
namespace greenroom::codecs {

/// Whether events end with the offset from which the client may be recovered.
enum class offsets : std::uint8_t { left_out, appended };

/// The codec for what is the same for all clients of a namespace; the same id whenever the same is asked for. Nothing
/// where the table is full. Any thread.
std::optional<codec_id> socketio_codec(encoding parser, std::string_view nsp, offsets with);

struct socketio_options {
  socketio_address to{};
  codec_id pushes{};                                 ///< of socketio_codec()
  offsets recovery = offsets::left_out;              ///< CONNECT takes and gives a `pid`
  std::uint32_t window_ms = 0;                       ///< how long a session outlives its connection
  std::size_t assembled_bytes_max = 1024 * 1024;     ///< a packet and its attachments
  std::function<void(socketio_type)> on_answered{};  ///< CONNECT or CONNECT_ERROR has been written; null: nobody asks
};

/// The half of one client in one namespace. It reads every packet of its namespace, whose head the caller has read, and
/// the attachments that follow; DISCONNECT is a session.close that wants no answer. A packet that is none, or comes where
/// it may not, is a verdict.
std::unique_ptr<dialogue> make_socketio_dialogue(socketio_options options);

// What the two halves share.

/// An ack id says what is acknowledged: an even one a request of the server's ("s1" is 2), an odd one the inbox (n is
/// 2n + 1).
std::string socketio_ack_of_request(std::string_view id);
std::string socketio_ack_of_inbox(std::uint64_t n);

/// `<epoch>:<seq>:<room>`
std::string socketio_offset(const envelope& message);
std::optional<calls::room_position> read_socketio_offset(std::string_view offset);

}  // namespace greenroom::codecs
