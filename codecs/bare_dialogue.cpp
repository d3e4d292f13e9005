#include "codecs/bare_dialogue.hpp"

#include "codecs/codec_table.hpp"
#include "codecs/document.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/transcode.hpp"
#include "codecs/websocket_frame.hpp"

namespace greenroom::codecs {
namespace {

constexpr char engineio_message = '4';

void append_message(const value& what, bare_frames as, std::string& out) {
  const auto kind = what.is(kind::bytes) ? frame_kind::binary : frame_kind::text;
  const websocket_frame frame{out, kind, framing::websocket, what.raw_bytes + 1};
  if (as == bare_frames::engineio && kind == frame_kind::text) out += engineio_message;
  if (what.is(kind::bytes) || what.is(kind::text))
    out += what.text();
  else
    append_json(out, what);
}

/// A list of arguments gives a message each.
void append_messages(const payload_ptr& document, payload_shape shape, bare_frames as, std::string& out) {
  if (!document) return;
  borrowed_document read;
  // Not as JSON, where bytes are an object.
  if (read->read(format::msgpack, document->as(format::msgpack), unbounded)) return;
  const value& root = read->root();
  if (shape == payload_shape::single || !root.is(kind::array)) return append_message(root, as, out);
  for (const value& each : items_of(root)) append_message(each, as, out);
}

class bare_codec final : public codec {
 public:
  bare_codec(codec_id id, bare_frames as) : id_{id}, as_{as} {}
  codec_id id() const noexcept override { return id_; }
  void encode_broadcast(const envelope& message, std::string& out) const override {
    append_messages(message.body, message.shape, as_, out);
  }
  std::string encode_push(const push& what) const override {
    std::string out;
    if (const auto* said = std::get_if<pushes::notification>(&what); said && said->method == bare_event)
      append_messages(said->params, payload_shape::arguments, as_, out);
    if (const auto* said = std::get_if<pushes::room_push>(&what); said && said->event == bare_event)
      append_messages(said->payload, said->shape, as_, out);
    return out;
  }

 private:
  codec_id id_;
  bare_frames as_;
};

/// Made when the first client asks.
codec_id engineio_codec() {
  static const auto id = add_codec(
      encoding::bare, [](codec_id given) { return std::make_unique<bare_codec>(given, bare_frames::engineio); });
  return id.value();
}

class bare_dialogue final : public dialogue {
 public:
  bare_dialogue(std::string channel, bare_frames as)
      : channel_{std::move(channel)},
        as_{as},
        codec_{as == bare_frames::websocket ? codec_id::bare : engineio_codec()} {}

  codec_id broadcasts() const noexcept override { return codec_; }
  verdict decode(frame_kind kind, std::string_view input, sink& to) override {
    std::string params;
    msgpack_writer w{params};
    w.begin_array(1);
    kind == frame_kind::text ? w.text(input) : w.bytes(input);
    to.on_call({.id = std::string{bare_event}, .in = format::msgpack},
               calls::channel_event{.channel = channel_,
                                    .event = std::string{bare_event},
                                    .params = std::make_shared<const payload>(format::msgpack, std::move(params))});
    return {};
  }
  std::string encode_reply(const reply_ref&, const outcome& what, framing) override {
    std::string out;
    if (const auto* done = std::get_if<result>(&what))
      if (const auto* said = std::get_if<results::document>(done)) append_messages(said->body, said->shape, as_, out);
    return out;
  }
  std::string encode_request(std::string_view, std::string_view, const payload_ptr& params,
                             const on_behalf*) const override {
    std::string out;
    append_messages(params, payload_shape::arguments, as_, out);  // nothing says which message answers it
    return out;
  }
  std::string encode_batch(format, std::span<const std::string>, framing) const override { return {}; }

 private:
  std::string channel_;
  bare_frames as_;
  codec_id codec_;
};

}  // namespace

std::unique_ptr<const codec> make_bare_codec() {
  return std::make_unique<bare_codec>(codec_id::bare, bare_frames::websocket);
}

std::unique_ptr<dialogue> make_bare_dialogue(std::string channel, bare_frames as) {
  return std::make_unique<bare_dialogue>(std::move(channel), as);
}

}  // namespace greenroom::codecs
