#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/codec.hpp"

/// Engine.IO v4's words (engine.io-protocol, revision 4): a packet is one WebSocket message, or one record of a polling
/// payload. What carries them, and when, is not said here.
namespace greenroom::codecs {

enum class engineio_type : std::uint8_t { open, close, ping, pong, message, upgrade, noop };

/// One packet. A binary one is a message without a type digit; in a payload it stands as `b` and base64.
struct engineio_packet {
  engineio_type type = engineio_type::message;
  frame_kind kind = frame_kind::text;
  std::string data{};  ///< without the type digit; the bytes themselves where binary
};

inline constexpr char engineio_separator = '\x1e';  ///< between the packets of a payload
inline constexpr char engineio_binary_mark = 'b';   ///< before the base64 of a binary packet in a payload

/// The type that a text packet begins with; nothing where it is none.
std::optional<engineio_type> engineio_type_of(std::string_view packet) noexcept;

/// What a POST brought, or nothing where one of it is no packet (then none of it counts): an empty record, an unknown
/// type, base64 that is none, text that is not UTF-8, or more than `packets_max` of them.
inline constexpr std::size_t engineio_packets_max = 1'000;
std::optional<std::vector<engineio_packet>> read_engineio_payload(std::string_view body,
                                                                  std::size_t packets_max = engineio_packets_max);

/// Takes whole unmasked WebSocket frames, as codecs make them, and collects their packets in the body of a GET's answer.
class engineio_payload_writer {
 public:
  /// `bytes_max`: what a body may have (`maxPayload`). A first packet is taken whatever its size, for it can go nowhere
  /// else.
  explicit engineio_payload_writer(std::size_t bytes_max) : bytes_max_{bytes_max} {}

  /// False: no room for it in this body.
  bool add(frame_kind kind, std::string_view body);
  bool empty() const noexcept { return out_.empty(); }
  std::string take() { return std::move(out_); }

 private:
  std::size_t bytes_max_;
  std::string out_;
};

struct engineio_handshake {
  std::string_view sid;
  bool upgrades = false;  ///< may become a WebSocket
  std::uint32_t ping_interval_ms = 0, ping_timeout_ms = 0;
  std::uint64_t max_payload = 0;
};
/// The `open` packet, unframed: `0{"sid":…,"upgrades":["websocket"],"pingInterval":…,"pingTimeout":…,"maxPayload":…}`.
std::string engineio_open(const engineio_handshake& what);

/// A frame with a packet of that type: "2", "3probe".
std::string engineio_frame(engineio_type type, std::string_view data = {});
/// A frame with a message: text gets its digit, bytes go as they are.
std::string engineio_message(frame_kind kind, std::string_view data);

/// What a request is refused for. The numbers and sentences are the protocol's.
enum class engineio_refusal : std::uint8_t {
  unknown_transport = 0,
  unknown_sid = 1,
  bad_handshake_method = 2,
  bad_request = 3,
  forbidden = 4,
  unsupported_version = 5,
};
/// `{"code":0,"message":"Transport unknown"}`
std::string engineio_refusal_document(engineio_refusal why);

}  // namespace greenroom::codecs
