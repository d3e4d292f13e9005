#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/codec.hpp"
#include "codecs/outcome.hpp"
#include "codecs/value.hpp"
#include "codecs/websocket_frame.hpp"

/// Socket.IO v5's packets (socket.io-protocol, revision 5), as its two parsers write them: `encoding::socketio` is text
/// with binary attachments in frames of their own, `encoding::socketio_msgpack` one MessagePack map.
namespace greenroom::codecs {

enum class socketio_type : std::uint8_t { connect, disconnect, event, ack, connect_error, binary_event, binary_ack };

/// What tells whose packet it is, without a look at its data.
struct socketio_head {
  socketio_type type{};
  std::uint32_t attachments = 0;  ///< frames that follow: 1 to attachments_max of a binary packet, 0 else
  std::string_view nsp;           ///< "/" where the packet names none
  std::string_view id;            ///< digits; empty: none
  std::string_view data;          ///< the JSON behind the head; empty: none. Of MessagePack: always empty
};

inline constexpr std::size_t socketio_attachments_max = 10;  ///< as socket.io-parser takes them
inline constexpr std::size_t socketio_ack_digits_max = 19;

/// Nothing: no packet that either side may send. What follows the head is not looked at.
std::optional<socketio_head> read_socketio_head(encoding parser, std::string_view packet);

/// Where a packet goes: how it is written, and the namespace that it names.
struct socketio_address {
  encoding parser = encoding::socketio;
  std::string nsp = "/";
};

/// Writes one EVENT or ACK around the arguments that are put into it, and its frames: with the text parser a BINARY_
/// packet and its attachments where bytes are among them. Payloads go as the bytes they have where that parser's format
/// is theirs and no bytes are in them.
///
/// Bounds: beyond `socketio_attachments_max`, bytes stand as `{"$bytes": base64}`, for no client takes more attachments.
/// A member `_placeholder` that is true is left out beside attachments: a client would take it for one.
class socketio_packet_writer {
 public:
  socketio_packet_writer(std::string& out, const socketio_address& to, socketio_type type, std::string_view id,
                         std::size_t guess);
  ~socketio_packet_writer();
  socketio_packet_writer(const socketio_packet_writer&) = delete;
  socketio_packet_writer& operator=(const socketio_packet_writer&) = delete;

  format in() const noexcept { return as_; }
  void text(std::string_view utf8);
  void null();
  void document(const payload& what);   ///< one argument
  void arguments(const payload& what);  ///< a list: each an argument; null: none; anything else: one argument
  /// One argument that `write(out)` appends as a document of format in().
  void written(auto&& write) {
    const auto start = begin();
    write(out_);
    settle(start);
  }
  void end();                            ///< all is in it; the destructor does it else
  bool ends_with_text() const noexcept;  ///< the last argument is a text

 private:
  std::size_t begin();  ///< of the next argument
  enum class holds : std::uint8_t { one, list };
  void settle(std::size_t start, holds what = holds::one);  ///< bytes in what stands from there on become attachments
  void rewrite(std::size_t start, holds what);
  void packed_items(const payload& what);
  void put(const value& what);
  bool attach(std::string_view bytes);

  std::string& out_;
  format as_;
  std::optional<websocket_frame> frame_;
  std::size_t type_at_ = 0, data_at_ = 0;
  std::size_t count_ = 0;  ///< arguments; counted for MessagePack only
  std::vector<std::string> attachments_;
};

/// The frame of a packet without arguments: CONNECT, CONNECT_ERROR, DISCONNECT. `json`: its data; empty: none.
std::string socketio_control(const socketio_address& to, socketio_type type, std::string_view json);
/// CONNECT_ERROR `{message, data}`; data is the extension's own, or else `{code, reason, …}`.
std::string socketio_connect_error(const socketio_address& to, const error& why);

}  // namespace greenroom::codecs
