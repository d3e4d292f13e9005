#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "codecs/engineio.hpp"
#include "codecs/socketio.hpp"
#include "codecs/websocket_frame.hpp"
#include "tests/fuzz/codec_targets.hpp"

/// What the fuzz targets of Engine.IO and Socket.IO do with one input. The promises: what is accepted can be answered
/// and passed on to clients of both parsers, whose packets are read again by the same code.
namespace greenroom::codecs::fuzz {

/// Each frame of a packet, as Engine.IO messages: text without its digit.
inline void check_packet(encoding parser, std::string_view frames) {
  std::size_t awaited = 0;
  while (!frames.empty()) {
    const auto one = take_frame(frames);
    const bool text = (one.first & 0x0f) == 1;
    if (awaited != 0) {
      promise(!text, "attachments follow their packet");
      --awaited;
      continue;
    }
    promise(text == (parser == encoding::socketio), "a packet comes in its parser's kind of frame");
    promise(!text || one.body.starts_with('4'), "a packet is an Engine.IO message");
    const auto head = read_socketio_head(parser, text ? one.body.substr(1) : one.body);
    promise(head.has_value(), "what is written has a head");
    awaited = head->attachments;
    document doc;
    if (text && !head->data.empty()) promise(!doc.read(format::json, head->data, unbounded), "its data is JSON");
    if (!text) promise(!doc.read(format::msgpack, one.body, unbounded), "its map is MessagePack");
  }
  promise(awaited == 0, "every attachment is there");
}

/// Answers everything at once, and passes events on to everybody.
class socketio_answering final : public sink {
 public:
  socketio_answering(dialogue& d, encoding parser) : dialogue_{d}, parser_{parser} {}

  void on_call(reply_ref ref, call what) override {
    if (const auto* event = std::get_if<calls::channel_event>(&what)) {
      check_payload(event->params, unbounded);
      pass_on(event->params);
      answer(ref, result{results::document{event->params, payload_shape::arguments}});
    } else if (const auto* open = std::get_if<calls::session_open>(&what)) {
      check_payload(open->payload, unbounded);
      answer(ref, result{results::session_opened{"s", "u", "r", false, {}, {}, {}, {}, 0}});
    } else if (const auto* publish = std::get_if<calls::room_publish>(&what)) {
      check_payload(publish->body, unbounded);
      pass_on(publish->body);
      answer(ref, result{results::document{publish->body}});
    } else {
      answer(ref, result{results::nothing{}});
    }
  }
  void on_bad_call(reply_ref ref, error why) override { answer(ref, std::move(why)); }
  void on_answer(std::string, outcome what) override {
    if (const auto* done = std::get_if<result>(&what))
      check_payload(std::get<results::document>(*done).body, unbounded);
  }
  void on_batch_begin(format) override { promise(false, "no batches"); }
  void on_batch_end() override {}

 private:
  void answer(const reply_ref& ref, const outcome& what) {
    check_packet(parser_, dialogue_.encode_reply(ref, what, framing::websocket));
  }
  static void pass_on(const payload_ptr& body) {
    for (const auto parser : {encoding::socketio, encoding::socketio_msgpack}) {
      for (const auto shape : {payload_shape::single, payload_shape::arguments}) {
        std::string out;
        codec_of(*socketio_codec(parser, "/fuzz", offsets::appended))
            .encode_broadcast({.room = "r",
                               .epoch = "e",
                               .seq = 1,
                               .id = "i",
                               .event = "e",
                               .from = "u",
                               .body = body,
                               .shape = shape},
                              out);
        check_packet(parser, out);
      }
    }
  }

  dialogue& dialogue_;
  encoding parser_;
};

/// The first byte says which parser. Lines are Engine.IO messages: one that begins with 0x1f is binary.
inline void socketio_decode(std::string_view input) {
  if (input.empty()) return;
  const auto parser = input.front() % 2 == 0 ? encoding::socketio : encoding::socketio_msgpack;
  input.remove_prefix(1);
  const auto talk = make_socketio_dialogue({.to = {.parser = parser},
                                            .pushes = *socketio_codec(parser, "/", offsets::appended),
                                            .recovery = offsets::appended,
                                            .assembled_bytes_max = 4'096});
  socketio_answering to{*talk, parser};
  for (bool more = true; more;) {
    const auto end = parser == encoding::socketio ? input.find('\n') : std::string_view::npos;
    auto one = input.substr(0, end);
    more = end != std::string_view::npos;
    if (more) input.remove_prefix(end + 1);
    const bool binary = parser == encoding::socketio_msgpack || one.starts_with('\x1f');
    if (parser == encoding::socketio && binary) one.remove_prefix(1);
    (void)read_socketio_head(parser, one);
    const auto left = talk->decode(binary ? frame_kind::binary : frame_kind::text, one, to);
    promise(left.go_on == (left.close_code == 0), "a close has a code");
    if (!left.go_on) return;
  }
}

/// The body of a POST: what is read is written again.
inline void engineio_payload(std::string_view input) {
  const auto packets = read_engineio_payload(input);
  if (!packets) return;
  engineio_payload_writer again{static_cast<std::size_t>(-1)};
  for (const auto& one : *packets) {
    const bool binary = one.kind == frame_kind::binary;
    const auto digit = static_cast<char>('0' + static_cast<int>(one.type));
    promise(again.add(one.kind, binary ? one.data : digit + one.data), "there is room");
  }
  promise(again.take() == input, "a payload is written as it was read");
}

}  // namespace greenroom::codecs::fuzz
