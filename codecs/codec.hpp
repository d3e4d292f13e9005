#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/call.hpp"
#include "codecs/envelope.hpp"
#include "codecs/outcome.hpp"

/// A protocol in two halves. The shared half (`codec`) makes the bytes that are the same for every subscriber of that
/// protocol; the half of one connection (`dialogue`) reads that client's input and writes answers that carry that
/// client's references. Neither knows sockets or actors.
namespace greenroom::codecs {

enum class frame_kind : std::uint8_t { text, binary };
enum class framing : std::uint8_t { bare, websocket };  ///< an HTTP body, or one whole unmasked RFC 6455 frame

/// The ways in which a message is written. What several clients of one protocol get differs by little, and is a codec of
/// its own (`codec_id`): which namespace of Socket.IO it names, whether it ends with an offset.
enum class encoding : std::uint8_t { native_json, native_msgpack, phoenix, socketio, socketio_msgpack, bare };
inline constexpr std::size_t encoding_count = 6;

/// Names a shared half. Those of Socket.IO are numbered as they are asked for (socketio_codec.hpp).
enum class codec_id : std::uint16_t {
  native_json = 0,
  native_msgpack = 1,
  phoenix = 2,
  bare = 5,                   ///< payloads alone (bare_dialogue.hpp)
  phoenix_positions = 8 + 2,  ///< tells the room's position after each turn, too
};
/// The low bits say how it writes.
constexpr encoding encoding_of(codec_id id) noexcept {
  return static_cast<encoding>(static_cast<std::uint16_t>(id) & 7);
}
std::string_view name_of(encoding how) noexcept;  ///< as in metrics: "json", "msgpack", "phoenix", …

/// The shared half: no state, any thread.
class codec {
 public:
  virtual ~codec() = default;
  virtual codec_id id() const noexcept = 0;
  /// Appends this message to `out`: one whole WebSocket frame, or several that belong together.
  virtual void encode_broadcast(const envelope& message, std::string& out) const = 0;
  /// Appends what follows the last message of a room's turn; nothing, for most.
  virtual void end_turn(const envelope& /*last*/, std::string& /*out*/) const {}
  virtual std::string encode_push(const push& what) const = 0;  ///< whole WebSocket frames; empty: it is not said
};
/// Of an id that was given out.
const codec& codec_of(codec_id id) noexcept;

/// Finds the call again when its answer is ready: the id in the bytes in which it came, and the format of the request.
struct reply_ref {
  std::string id;  ///< what the dialogue that made it answers to (an id in `in`, a Phoenix ref); empty: never answered
  format in = format::json;
  bool wants_answer() const noexcept { return !id.empty(); }
};

/// Receives what one piece of input held. Calls come in the order of the input.
class sink {
 public:
  virtual void on_call(reply_ref ref, call what) = 0;
  /// The input was no acceptable call: `why` answers `ref`, where that wants one (a null id where none could be read).
  virtual void on_bad_call(reply_ref ref, error why) = 0;
  /// The dialogue knows the answer itself.
  virtual void on_settled(reply_ref /*ref*/, outcome /*what*/) {}
  /// The client answers a request of the server's ("s1", "s2" …).
  virtual void on_answer(std::string id, outcome what) = 0;
  /// Brackets the calls of a batch: their answers leave together, as one array, when the last is ready; none when there
  /// is none.
  virtual void on_batch_begin(format in) = 0;
  virtual void on_batch_end() = 0;

 protected:
  ~sink() = default;
};

/// What is left of the connection after a piece of input.
struct verdict {
  bool go_on = true;
  std::uint16_t close_code = 0;  ///< where not: 1003, 1007, 1009 …
  std::string_view reason;       ///< from the fixed vocabulary
};

/// The half of one connection. One thread at a time. Hostile bytes give errors to the sink or a verdict, never an
/// exception.
class dialogue {
 public:
  virtual ~dialogue() = default;
  virtual codec_id broadcasts() const noexcept = 0;  ///< the shared half for what this connection receives
  virtual verdict decode(frame_kind kind, std::string_view input, sink& to) = 0;
  /// Whole frames (or a bare body); empty where the protocol has nothing to say.
  virtual std::string encode_reply(const reply_ref& ref, const outcome& what, framing as) = 0;
  /// The same as the shared half's, where nothing of it is this client's own.
  virtual std::string encode_push(const push& what) { return codec_of(broadcasts()).encode_push(what); }
  /// Whole frames with a request of the server's, whose answer comes to `sink::on_answer`.
  virtual std::string encode_request(std::string_view id, std::string_view method, const payload_ptr& params,
                                     const on_behalf* of = nullptr) const = 0;
  /// One array of the bodies that encode_reply(…, framing::bare) gave for a batch's calls.
  virtual std::string encode_batch(format in, std::span<const std::string> bodies, framing as) const = 0;
};

/// The table that codec_of() reads. Any thread; entries are never taken out.
inline constexpr std::size_t codecs_max = 2'048;
/// Gives that codec's maker the next free id of its encoding, or nothing where the table is full.
std::optional<codec_id> add_codec(encoding how, const std::function<std::unique_ptr<const codec>(codec_id)>& make);

/// JSON-RPC 2.0 as JSON text and MessagePack binary frames (docs/protocol.md). `pushes` is the kind chosen by the
/// subprotocol.
std::unique_ptr<dialogue> make_native_dialogue(codec_id pushes);

}  // namespace greenroom::codecs
