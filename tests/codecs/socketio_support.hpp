#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "codecs/socketio.hpp"
#include "codecs/websocket_frame.hpp"
#include "tests/codecs/recorder.hpp"

namespace greenroom::codecs {

/// One client's dialogue, and what its input has said so far.
struct socketio_client {
  explicit socketio_client(encoding parser = encoding::socketio, std::string nsp = "/",
                           offsets recovery = offsets::left_out)
      : talk{make_socketio_dialogue({.to = {parser, nsp},
                                     .pushes = *socketio_codec(parser, nsp, recovery),
                                     .recovery = recovery,
                                     .window_ms = recovery == offsets::appended ? 1'000U : 0U,
                                     .assembled_bytes_max = 1'000})} {}

  bool text(std::string_view packet) { return talk->decode(frame_kind::text, packet, heard).go_on; }
  bool bytes(std::string_view packet) { return talk->decode(frame_kind::binary, packet, heard).go_on; }
  std::string reply(const outcome& what) { return talk->encode_reply(heard.refs.back(), what, framing::websocket); }

  std::unique_ptr<dialogue> talk;
  recorder heard;
};

/// The bodies of frames in a row, binary ones with a `b:` before them.
inline strings bodies(std::string_view frames) {
  strings all;
  while (!frames.empty()) {
    const auto one = take_frame(frames);
    all.push_back(((one.first & 0x0f) == 2 ? "b:" : "") + std::string{one.body});
  }
  return all;
}

inline payload_ptr json(std::string text) { return std::make_shared<payload>(format::json, std::move(text)); }
inline payload_ptr packed(std::string bytes) { return std::make_shared<payload>(format::msgpack, std::move(bytes)); }

inline envelope message(payload_ptr body, payload_shape shape = payload_shape::single) {
  return {.room = "lobby",
          .epoch = "e1",
          .seq = 7,
          .id = "m-1",
          .event = "say",
          .from = "ann",
          .at_ms = 1'000,
          .body = std::move(body),
          .shape = shape};
}

}  // namespace greenroom::codecs
