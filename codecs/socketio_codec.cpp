#include <charconv>
#include <map>
#include <mutex>
#include <tuple>

#include "codecs/json_writer.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/names.hpp"
#include "codecs/rpc_writer.hpp"
#include "codecs/socketio.hpp"

namespace greenroom::codecs {
namespace {

constexpr std::size_t meta_guess = 160;

void write_meta(auto&& w, const envelope& m) {
  w.begin_object();
  w.key("room");
  w.text(m.room);
  w.key("epoch");
  w.text(m.epoch);
  w.key("seq");
  w.natural(m.seq);
  w.key("id");
  w.text(m.id);
  w.key("from");
  w.text(m.from);
  w.key("at");
  w.integer(m.at_ms);
  w.end_object();
}

class socketio_shared final : public codec {
 public:
  socketio_shared(codec_id id, socketio_address to, offsets with) : id_{id}, to_{std::move(to)}, with_{with} {}

  codec_id id() const noexcept override { return id_; }

  void encode_broadcast(const envelope& m, std::string& out) const override {
    socketio_packet_writer packet{
        out, to_, socketio_type::event, {}, meta_guess + m.room.size() + m.event.size() + m.body->original().size()};
    packet.text(m.event);
    if (m.shape == payload_shape::arguments) {
      packet.arguments(*m.body);
    } else {
      packet.document(*m.body);
      packet.written([&](std::string& to) {
        packet.in() == format::json ? write_meta(json_writer{to}, m) : write_meta(msgpack_writer{to}, m);
      });
    }
    if (with_ == offsets::appended) packet.text(socketio_offset(m));
  }

  std::string encode_push(const push& what) const override {
    std::string out;
    std::visit([&](const auto& each) { say(each, what, out); }, what);
    return out;
  }

 private:
  void say(const pushes::room_push& p, const push&, std::string& out) const {
    socketio_packet_writer packet{out, to_, socketio_type::event, {}, p.event.size() + p.payload->original().size()};
    packet.text(p.event);
    p.shape == payload_shape::arguments ? packet.arguments(*p.payload) : packet.document(*p.payload);
    close(packet);
  }
  void say(const pushes::notification& p, const push&, std::string& out) const {
    socketio_packet_writer packet{
        out, to_, socketio_type::event, {}, p.method.size() + (p.params ? p.params->original().size() : 0)};
    packet.text(p.method);
    if (p.params) packet.arguments(*p.params);
    close(packet);
  }
  void say(const pushes::inbox_message& p, const push& what, std::string& out) const {
    socketio_packet_writer packet{out, to_, socketio_type::event, socketio_ack_of_inbox(p.message->seq),
                                  meta_guess + p.message->body->original().size()};
    native(packet, what);
  }
  void say(const auto&, const push& what, std::string& out) const {
    socketio_packet_writer packet{out, to_, socketio_type::event, {}, meta_guess};
    native(packet, what);
  }

  static void native(socketio_packet_writer& packet, const push& what) {
    packet.text(method_of(what));
    packet.written([&](std::string& to) { append_params(packet.in(), what, to); });
  }
  /// A client that may be recovered takes a text at the end for an offset; something that is none stands behind it.
  void close(socketio_packet_writer& packet) const {
    if (with_ == offsets::appended && packet.ends_with_text()) packet.null();
  }

  codec_id id_;
  socketio_address to_;
  offsets with_;
};

constexpr std::uint64_t kinds_of_ack = 2;  // requests and the inbox

}  // namespace

std::optional<codec_id> socketio_codec(encoding parser, std::string_view nsp, offsets with) {
  static std::mutex mutex;
  static auto& known = *new std::map<std::tuple<encoding, std::string, offsets>, codec_id>;  // as long as codec_of()'s
  const std::lock_guard guard{mutex};
  std::tuple key{parser, std::string{nsp}, with};
  if (const auto found = known.find(key); found != known.end()) return found->second;
  const auto id = add_codec(parser, [&](codec_id given) {
    return std::make_unique<socketio_shared>(given, socketio_address{parser, std::string{nsp}}, with);
  });
  if (id) known.emplace(std::move(key), *id);
  return id;
}

std::string socketio_ack_of_request(std::string_view id) {
  std::uint64_t number = 0;
  if (id.starts_with('s')) std::from_chars(id.data() + 1, id.data() + id.size(), number);
  return std::to_string(number * kinds_of_ack);
}

std::string socketio_ack_of_inbox(std::uint64_t n) { return std::to_string(n * kinds_of_ack + 1); }

std::string socketio_offset(const envelope& message) {
  return message.epoch + ':' + std::to_string(message.seq) + ':' + message.room;
}

std::optional<calls::room_position> read_socketio_offset(std::string_view offset) {
  const auto first = offset.find(':');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = offset.find(':', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  calls::room_position at{.room = std::string{offset.substr(second + 1)},
                          .at = {.epoch = std::string{offset.substr(0, first)}, .seq = 0}};
  const auto* const end = offset.data() + second;
  const auto parsed = std::from_chars(offset.data() + first + 1, end, at.at.seq);
  const bool good = parsed.ec == std::errc{} && parsed.ptr == end && !at.at.epoch.empty() &&
                    at.at.epoch.size() <= limits::epoch_bytes_max && is_name(at.room, limits::room_bytes_max);
  return good ? std::optional{std::move(at)} : std::nullopt;
}

}  // namespace greenroom::codecs
