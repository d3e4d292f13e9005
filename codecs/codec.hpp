#pragma once
#include <cstdint>
#include <memory>
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

/// Names a shared half; small, so that a relay indexes an array by it.
enum class codec_id : std::uint8_t { native_json, native_msgpack };
inline constexpr std::size_t codec_count = 2;

/// The shared half: no state, any thread.
class codec {
 public:
  virtual ~codec() = default;
  virtual codec_id id() const noexcept = 0;
  virtual std::string_view name() const noexcept = 0;  ///< as in metrics: "json", "msgpack"
  /// Appends one whole WebSocket frame with this message to `out`.
  virtual void encode_broadcast(const envelope& message, std::string& out) const = 0;
  virtual std::string encode_push(const push& what) const = 0;  ///< one whole WebSocket frame
};
const codec& codec_of(codec_id id) noexcept;

/// Finds the call again when its answer is ready: the id in the bytes in which it came, and the format of the request.
struct reply_ref {
  std::string id;  ///< raw bytes of the id in `in` (JSON text or MessagePack); empty: a notification, never answered
  format in = format::json;
  bool wants_answer() const noexcept { return !id.empty(); }
};

/// Receives what one piece of input held. Calls come in the order of the input.
class sink {
 public:
  virtual void on_call(reply_ref ref, call what) = 0;
  /// The input was no acceptable call: `why` answers `ref`, where that wants one (a null id where none could be read).
  virtual void on_bad_call(reply_ref ref, error why) = 0;
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
  virtual std::string encode_reply(const reply_ref& ref, const outcome& what, framing as) const = 0;
  /// One whole frame with a request of the server's, whose answer comes to `sink::on_answer`.
  virtual std::string encode_request(std::string_view id, std::string_view method, const payload_ptr& params,
                                     const on_behalf* of = nullptr) const = 0;
  /// One array of the bodies that encode_reply(…, framing::bare) gave for a batch's calls.
  virtual std::string encode_batch(format in, std::span<const std::string> bodies, framing as) const = 0;
};

/// JSON-RPC 2.0 as JSON text and MessagePack binary frames (docs/protocol.md). `pushes` is the kind chosen by the
/// subprotocol.
std::unique_ptr<dialogue> make_native_dialogue(codec_id pushes);

}  // namespace greenroom::codecs
