#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codecs/client_rpc.hpp"
#include "codecs/codec.hpp"
#include "codecs/document.hpp"
#include "codecs/phoenix.hpp"
#include "codecs/transcode.hpp"
#include "codecs/websocket_frame.hpp"

/// What the fuzz targets of the codecs do with one input. Besides crashes and sanitizer reports they look for broken
/// promises, and abort on one: whatever is accepted can be answered, passed on and transcoded there and back.
///
/// A target of this folder is one of these under libFuzzer's name; tests/codecs/fuzz_test.cpp calls them all.
namespace greenroom::codecs::fuzz {

inline void promise(bool kept, const char* what) {
  if (kept) return;
  std::fprintf(stderr, "broken promise: %s\n", what);
  std::abort();
}

inline format other(format f) { return f == format::json ? format::msgpack : format::json; }

inline void check_payload(const payload_ptr& body, bounds within = {}) {
  if (!body) return;
  document doc;
  promise(!doc.read(body->origin(), body->original(), within), "a payload is a document");
  promise(!doc.read(other(body->origin()), body->as(other(body->origin())), unbounded), "a payload crosses");
  promise(!canonical_msgpack(*body).empty(), "a payload has a canonical form");
}

/// Answers everything at once, with the references that it gets.
class answering final : public sink {
 public:
  explicit answering(dialogue& d) : dialogue_{d} {}

  void on_call(reply_ref ref, call what) override {
    promise(!method_of(what).empty(), "a call has a method");
    std::visit([](const auto& c) { check(c); }, what);
    answer(ref, result{results::nothing{}});
  }
  void on_bad_call(reply_ref ref, error why) override {
    promise(!why.message.empty(), "an error has a sentence");
    answer(ref, std::move(why));
  }
  void on_answer(std::string, outcome what) override {
    const auto* done = std::get_if<result>(&what);
    if (done != nullptr) check_payload(std::get<results::document>(*done).body);
  }
  void on_batch_begin(format in) override {
    promise(!batch_, "batches do not nest");
    batch_ = in;
  }
  void on_batch_end() override {
    promise(batch_.has_value(), "a batch ends that began");
    if (!bodies_.empty()) check_document(*batch_, dialogue_.encode_batch(*batch_, bodies_, framing::bare));
    batch_.reset();
  }

  bool in_batch() const { return batch_.has_value(); }

 private:
  static void check(const calls::room_publish& c) { check_payload(c.body); }
  static void check(const calls::user_send& c) { check_payload(c.body); }
  static void check(const calls::room_join& c) { check_payload(c.presence); }
  static void check(const calls::other& c) { check_payload(c.params); }
  static void check(const auto&) {}

  static void check_document(format as, const std::string& bytes) {
    document doc;
    promise(!doc.read(as, bytes, unbounded), "an answer is a document");
  }

  void answer(const reply_ref& ref, const outcome& what) {
    auto body = dialogue_.encode_reply(ref, what, framing::bare);
    promise(body.empty() == !ref.wants_answer(), "what wants an answer gets one");
    if (body.empty()) return;
    check_document(ref.in, body);
    if (batch_) bodies_.push_back(std::move(body));
  }

  dialogue& dialogue_;
  std::optional<format> batch_;
  std::vector<std::string> bodies_;
};

inline void decode(frame_kind kind, std::string_view input) {
  const auto dialogue = make_native_dialogue(codec_id::native_json);
  answering to{*dialogue};
  const auto left = dialogue->decode(kind, input, to);
  promise(!to.in_batch(), "a batch that began ends");
  promise(left.go_on == (left.close_code == 0), "a close has a code");
  const auto incoming = decode_incoming(kind == frame_kind::text ? format::json : format::msgpack, input);
  if (incoming) check_payload(incoming->body, unbounded);
}

inline void there_and_back(format from, std::string_view input) {
  const auto there = codecs::transcode(from, input);
  if (!there) return;
  const auto back = codecs::transcode(other(from), *there, unbounded);
  promise(back.has_value(), "what went there comes back");
  promise(codecs::transcode(from, *back, unbounded) == there, "the second crossing changes nothing");
}

/// A text frame.
inline void json_decode(std::string_view input) { decode(frame_kind::text, input); }

/// A binary frame.
inline void msgpack_decode(std::string_view input) { decode(frame_kind::binary, input); }

/// Frames in a row that a client of Phoenix can read: text is a JSON array of five, binary begins with its type.
inline void check_phoenix(std::string_view frames) {
  while (!frames.empty()) {
    promise(frames.size() >= 2, "a frame is whole");
    const auto one = take_frame(frames);
    if (one.first == (fin_bit | 0x1)) {
      document doc;
      promise(!doc.read(format::json, one.body, unbounded), "a text frame is JSON");
      promise(doc.root().is(kind::array) && doc.root().count == 5, "a message has five members");
    } else {
      promise(!one.body.empty() && one.body[0] >= 0 && one.body[0] <= 2, "a binary frame has a type");
    }
  }
}

/// Answers a socket of Phoenix at once: with what was said, nothing, or an error, by turns.
class answering_phoenix final : public sink {
 public:
  explicit answering_phoenix(dialogue& d) : dialogue_{d} {}

  void on_call(reply_ref ref, call what) override {
    promise(!method_of(what).empty(), "a call has a method");
    if (const auto* publish = std::get_if<calls::room_publish>(&what)) {
      check_payload(publish->body, unbounded);
      envelope m;
      m.room = publish->room, m.event = publish->event, m.body = publish->body;
      std::string out;
      codec_of(codec_id::phoenix_positions).encode_broadcast(m, out);
      codec_of(codec_id::phoenix_positions).end_turn(m, out);
      check_phoenix(out);
      return answer(ref, result{results::document{publish->body}});
    }
    if (const auto* join = std::get_if<calls::room_join>(&what)) {
      check_payload(join->params, unbounded);
      check_payload(join->presence, unbounded);
      check_phoenix(dialogue_.encode_push(
          pushes::room_people{.room = join->room,
                              .users = {{.user = "u", .since_ms = 0, .entries = {{"s", join->presence, 1, 0}}}},
                              .total = 1}));
    }
    answer(ref, ++turns_ % 3 == 0 ? outcome{make_error(error_code::internal)} : outcome{result{results::nothing{}}});
  }
  void on_bad_call(reply_ref ref, error why) override {
    promise(!why.message.empty(), "an error has a sentence");
    answer(ref, std::move(why));
  }
  void on_settled(reply_ref ref, outcome what) override { answer(ref, what); }
  void on_answer(std::string, outcome what) override {
    const auto* done = std::get_if<result>(&what);
    if (done != nullptr) check_payload(std::get<results::document>(*done).body, unbounded);
  }
  void on_batch_begin(format) override { promise(false, "Phoenix has no batches"); }
  void on_batch_end() override {}

 private:
  void answer(const reply_ref& ref, const outcome& what) {
    promise(ref.wants_answer(), "every call of a socket has an address");
    check_phoenix(dialogue_.encode_reply(ref, what, framing::websocket));
  }

  dialogue& dialogue_;
  int turns_ = 0;
};

/// Frames of one socket: lines, each a text frame, or a binary one where it begins with a byte under 4.
inline void phoenix_decode(std::string_view input) {
  const auto dialogue = make_phoenix_dialogue(std::make_shared<const phoenix_options>(phoenix_options{{"*"}, 4}));
  answering_phoenix to{*dialogue};
  while (!input.empty()) {
    const auto end = std::min(input.find('\n'), input.size());
    const auto line = input.substr(0, end);
    input.remove_prefix(std::min(end + 1, input.size()));
    const bool binary = !line.empty() && static_cast<unsigned char>(line[0]) < 4;
    const auto left = dialogue->decode(binary ? frame_kind::binary : frame_kind::text, line, to);
    promise(left.go_on == (left.close_code == 0), "a close has a code");
    if (!left.go_on) return;
  }
}

/// A document, tried as both formats.
inline void transcode(std::string_view input) {
  there_and_back(format::json, input);
  there_and_back(format::msgpack, input);
}

}  // namespace greenroom::codecs::fuzz
