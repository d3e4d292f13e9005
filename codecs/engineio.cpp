#include "codecs/engineio.hpp"

#include <array>

#include "codecs/base64.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/utf8.hpp"
#include "codecs/websocket_frame.hpp"

namespace greenroom::codecs {
namespace {

constexpr char digit_of(engineio_type type) { return static_cast<char>('0' + static_cast<int>(type)); }

constexpr std::size_t base64_bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

std::optional<engineio_packet> read_record(std::string_view record) {
  if (!record.empty() && record.front() == engineio_binary_mark) {
    auto bytes = from_base64(record.substr(1));
    if (!bytes) return std::nullopt;
    return engineio_packet{.kind = frame_kind::binary, .data = std::move(*bytes)};
  }
  const auto type = engineio_type_of(record);
  if (!type) return std::nullopt;
  return engineio_packet{.type = *type, .data = std::string{record.substr(1)}};
}

}  // namespace

std::optional<engineio_type> engineio_type_of(std::string_view packet) noexcept {
  if (packet.empty() || packet.front() < digit_of(engineio_type::open) ||
      packet.front() > digit_of(engineio_type::noop))
    return std::nullopt;
  return static_cast<engineio_type>(packet.front() - '0');
}

std::optional<std::vector<engineio_packet>> read_engineio_payload(std::string_view body, std::size_t packets_max) {
  if (!is_utf8(body)) return std::nullopt;
  std::vector<engineio_packet> packets;
  for (;;) {
    const auto end = body.find(engineio_separator);
    auto packet = read_record(body.substr(0, end));
    if (!packet || packets.size() == packets_max) return std::nullopt;
    packets.push_back(std::move(*packet));
    if (end == std::string_view::npos) return packets;
    body.remove_prefix(end + 1);
  }
}

bool engineio_payload_writer::add(frame_kind kind, std::string_view body) {
  const auto bytes = kind == frame_kind::text ? body.size() : 1 + base64_bytes(body.size());
  if (!out_.empty()) {
    if (out_.size() + 1 + bytes > bytes_max_) return false;
    out_ += engineio_separator;
  }
  if (kind == frame_kind::text) {
    out_ += body;
  } else {
    out_ += engineio_binary_mark;
    append_base64(out_, body);
  }
  return true;
}

std::string engineio_open(const engineio_handshake& what) {
  std::string out{digit_of(engineio_type::open)};
  json_writer w{out};
  w.begin_object();
  w.key("sid");
  w.text(what.sid);
  w.key("upgrades");
  w.begin_array(what.upgrades ? 1 : 0);
  if (what.upgrades) w.text("websocket");
  w.end_array();
  w.key("pingInterval");
  w.natural(what.ping_interval_ms);
  w.key("pingTimeout");
  w.natural(what.ping_timeout_ms);
  w.key("maxPayload");
  w.natural(what.max_payload);
  w.end_object();
  return out;
}

std::string engineio_frame(engineio_type type, std::string_view data) {
  std::string out;
  {
    const websocket_frame frame{out, frame_kind::text, framing::websocket, 1 + data.size()};
    out += digit_of(type);
    out += data;
  }
  return out;
}

std::string engineio_message(frame_kind kind, std::string_view data) {
  if (kind == frame_kind::text) return engineio_frame(engineio_type::message, data);
  std::string out;
  {
    const websocket_frame frame{out, kind, framing::websocket, data.size()};
    out += data;
  }
  return out;
}

std::string engineio_refusal_document(engineio_refusal why) {
  constexpr std::array<std::string_view, 6> sentences{
      "Transport unknown", "Session ID unknown", "Bad handshake method",
      "Bad request",       "Forbidden",          "Unsupported protocol version"};
  std::string out;
  json_writer w{out};
  w.begin_object();
  w.key("code");
  w.natural(static_cast<std::uint64_t>(why));
  w.key("message");
  w.text(sentences[static_cast<std::size_t>(why)]);
  w.end_object();
  return out;
}

}  // namespace greenroom::codecs
