#include <algorithm>
#include <array>
#include <charconv>

#include "codecs/close_code.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/methods.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/names.hpp"
#include "codecs/rpc_error.hpp"
#include "codecs/rpc_writer.hpp"
#include "codecs/socketio.hpp"
#include "codecs/socketio_binary.hpp"
#include "codecs/transcode.hpp"

namespace greenroom::codecs {
namespace {

constexpr std::string_view connect_ref = "connect";  // no digits, so no ack id
constexpr std::size_t reply_guess = 128;

/// Names that mean something else to a client; it sends none of them.
constexpr std::array<std::string_view, 6> reserved_events{"connect",       "connect_error", "disconnect",
                                                          "disconnecting", "newListener",   "removeListener"};

verdict refused(const close_code& row = close_codes::wrong_data) {
  return {.go_on = false, .close_code = row.code, .reason = row.reason};
}

error flawed(const value& flaw, const value& in) {
  auto why = make_error(error_code::invalid_params, make_error_code(flaw.flaw).message());
  why.path = path_to(flaw, in, "params");
  return why;
}

std::string text_of(const value& object, std::string_view member, std::size_t bytes_max) {
  const auto* what = find(object, member);
  return what != nullptr && what->is(kind::text) && what->count <= bytes_max ? std::string{what->text()}
                                                                             : std::string{};
}

/// Everything behind the first item of an array, as an array.
payload_ptr rest_of(format in, const value& array) {
  std::string list;
  const auto* first = array.count > 1 ? (&array + 1)->end() : nullptr;
  const auto raw = array.raw();
  if (in == format::json) {
    list = '[';
    list += first == nullptr ? "]" : std::string_view{first->first, raw.data() + raw.size()};
  } else {
    msgpack_writer{list}.begin_array(array.count - 1);
    if (first != nullptr) list += std::string_view{first->first, raw.data() + raw.size()};
  }
  return std::make_shared<payload>(in, std::move(list));
}

class socketio_dialogue final : public dialogue {
 public:
  explicit socketio_dialogue(socketio_options options) : options_{std::move(options)} {}

  codec_id broadcasts() const noexcept override { return options_.pushes; }

  verdict decode(frame_kind kind, std::string_view input, sink& to) override {
    if (options_.to.parser == encoding::socketio_msgpack) return packed(kind, input, to);
    return kind == frame_kind::text ? text(input, to) : attachment(input, to);
  }

  std::string encode_reply(const reply_ref& ref, const outcome& what, framing) override {
    if (!ref.wants_answer()) return {};
    if (ref.id != connect_ref) return acknowledged(ref.id, what);
    const bool joined = !std::holds_alternative<error>(what);
    if (options_.on_answered) options_.on_answered(joined ? socketio_type::connect : socketio_type::connect_error);
    return connected(what);
  }

  std::string encode_request(std::string_view id, std::string_view method, const payload_ptr& params,
                             const on_behalf*) const override {
    std::string out;
    socketio_packet_writer packet{out, options_.to, socketio_type::event, socketio_ack_of_request(id),
                                  reply_guess + (params ? params->original().size() : 0)};
    packet.text(method);
    if (params) packet.arguments(*params);
    packet.end();
    return out;
  }

  /// The protocol has no batches, and no client of it begins one.
  std::string encode_batch(format, std::span<const std::string>, framing) const override { return {}; }

 private:
  // --- what comes in ---

  verdict text(std::string_view input, sink& to) {
    const auto head = read_socketio_head(encoding::socketio, input);
    if (!head || awaited_ != 0) return refused();
    if (input.size() > options_.assembled_bytes_max) return refused(close_codes::too_big);
    if (head->attachments != 0) return assemble(*head, input);
    borrowed_document document;
    if (head->data.empty()) return packet(head->type, head->id, nullptr, format::json, to);
    if (const auto why = document->read(format::json, head->data)) return unreadable(why, head->type, head->id, to);
    return packet(head->type, head->id, &document->root(), format::json, to);
  }

  verdict assemble(const socketio_head& head, std::string_view input) {
    awaited_ = head.attachments;
    assembled_bytes_ = input.size();
    packet_ = input;
    return {};
  }

  verdict attachment(std::string_view bytes, sink& to) {
    if (awaited_ == 0) return refused();
    assembled_bytes_ += bytes.size();
    if (assembled_bytes_ > options_.assembled_bytes_max) return refused(close_codes::too_big);
    attachments_.emplace_back(bytes);
    if (--awaited_ != 0) return {};
    const auto left = assembled(to);
    packet_ = {};
    attachments_ = {};
    return left;
  }

  /// The last attachment is there: the packet with bytes in their places, as MessagePack.
  verdict assembled(sink& to) {
    const auto head = read_socketio_head(encoding::socketio, packet_);
    const auto type = head->type == socketio_type::binary_event ? socketio_type::event : socketio_type::ack;
    std::string whole;
    {
      borrowed_document document;
      if (const auto why = document->read(format::json, head->data)) return unreadable(why, type, head->id, to);
      if (const auto* flaw = first_flaw(document->root()))
        return bad_call(type, head->id, flawed(*flaw, document->root()), to);
      if (!fill_placeholders(document->root(), attachments_, whole)) return refused();
    }
    return whole_packet(type, head->id, whole, to);
  }

  verdict whole_packet(socketio_type type, std::string_view id, std::string_view data, sink& to) {
    borrowed_document document;
    if (const auto why = document->read(format::msgpack, data)) return unreadable(why, type, id, to);
    return packet(type, id, &document->root(), format::msgpack, to);
  }

  verdict packed(frame_kind kind, std::string_view input, sink& to) {
    if (kind == frame_kind::text) return refused();
    borrowed_document document;
    if (const auto why = document->read(format::msgpack, input)) {
      return why == errc::ill_formed ? refused() : refused(close_codes::over_limits);
    }
    const value& root = document->root();
    if (!root.is(kind::object)) return refused();
    const auto *type = find(root, "type"), *id = find(root, "id"), *data = find(root, "data");
    const auto absent = [](const value* v) { return v == nullptr || is_undefined(*v); };
    if (type == nullptr || !type->is(kind::natural) ||
        type->natural > static_cast<unsigned>(socketio_type::connect_error))
      return refused();
    if (!absent(id) && !id->is(kind::natural)) return refused();
    const auto ack = absent(id) ? std::string{} : std::to_string(id->natural);
    if (ack.size() > socketio_ack_digits_max) return refused();
    const auto what = static_cast<socketio_type>(type->natural);
    if (absent(data)) return packet(what, ack, nullptr, format::msgpack, to);
    if (std::string plain; rewrite_notepack(*data, plain)) return whole_packet(what, ack, plain, to);
    return packet(what, ack, data, format::msgpack, to);
  }

  /// A document over the limits is a call that cannot be taken; one that is none is no packet.
  verdict unreadable(std::error_code why, socketio_type type, std::string_view id, sink& to) {
    if (why == errc::ill_formed) return refused();
    return bad_call(type, id, make_error(error_code::too_large, why.message()), to);
  }

  verdict bad_call(socketio_type type, std::string_view id, error why, sink& to) {
    if (type == socketio_type::ack) return unanswerable(id, std::move(why), to);
    to.on_bad_call({.id = std::string{type == socketio_type::connect ? connect_ref : id}, .in = in()}, std::move(why));
    return {};
  }

  verdict packet(socketio_type type, std::string_view id, const value* data, format in, sink& to) {
    switch (type) {
      case socketio_type::connect: return connect(data, in, to);
      case socketio_type::disconnect:
        if (data != nullptr) return refused();
        to.on_call({}, calls::session_close{});
        return {};
      case socketio_type::event: return event(id, data, in, to);
      case socketio_type::ack: return ack(id, data, in, to);
      case socketio_type::connect_error:
      case socketio_type::binary_event:
      case socketio_type::binary_ack: break;  // the server's alone, or without the attachments that they must have
    }
    return refused();
  }

  verdict connect(const value* auth, format in, sink& to) {
    calls::session_open open{.token = {}, .client = {}, .user = {}, .resume = {}};
    open.window_ms = options_.window_ms;
    open.keeps_token = options_.recovery == offsets::appended;
    open.channel = options_.to.nsp;
    if (auth == nullptr) {
      open.payload = std::make_shared<payload>(in, in == format::json ? "{}" : "\x80");
    } else {
      if (!auth->is(kind::object)) return refused();
      if (const auto* flaw = first_flaw(*auth)) return bad_call(socketio_type::connect, {}, flawed(*flaw, *auth), to);
      open.token = text_of(*auth, "token", limits::token_bytes_max);
      if (open.keeps_token) open.resume = resume_of(*auth);
      open.payload = cut(in, *auth);
    }
    to.on_call({.id = std::string{connect_ref}, .in = in}, std::move(open));
    return {};
  }

  static std::optional<calls::resume> resume_of(const value& auth) {
    const auto pid = text_of(auth, "pid", limits::token_bytes_max);
    const auto dot = pid.find('.');
    if (dot == std::string::npos || dot == 0 || dot + 1 == pid.size()) return std::nullopt;
    calls::resume resume{.session = pid.substr(0, dot), .token = pid.substr(dot + 1), .positions = {}};
    if (auto at = read_socketio_offset(text_of(auth, "offset", offset_bytes_max)))
      resume.positions.push_back(std::move(*at));
    return resume;
  }

  verdict event(std::string_view id, const value* data, format in, sink& to) {
    if (data == nullptr || !data->is(kind::array) || data->count == 0) return refused();
    const value& name = *(data + 1);
    const bool number = name.is(kind::natural) || name.is(kind::negative) || name.is(kind::real);
    if (!name.is(kind::text) && !number) return refused();
    std::string event;
    if (number)
      append_json(event, name);
    else
      event = name.text();
    if (std::ranges::find(reserved_events, event) != reserved_events.end()) return refused();
    reply_ref ref{.id = std::string{id}, .in = in};
    if (const auto* flaw = first_flaw(*data)) {
      to.on_bad_call(std::move(ref), flawed(*flaw, *data));
    } else if (!is_name(event, limits::event_bytes_max)) {
      to.on_bad_call(std::move(ref),
                     make_error(error_code::invalid_params, "The event must be a name of at most " +
                                                                std::to_string(limits::event_bytes_max) +
                                                                " bytes, in NFC, without control characters."));
    } else {
      call_of(std::move(event), std::move(ref), *data, in, to);
    }
    return {};
  }

  void call_of(std::string event, reply_ref ref, const value& data, format in, sink& to) {
    const value* only = data.count == 2 ? (&data + 1)->end() : nullptr;
    const bool by_name = only != nullptr && only->is(kind::object) && !says_bytes(*only);
    const auto* known = find_method(event);
    if (known == nullptr) {
      calls::channel_event other{.channel = options_.to.nsp, .event = std::move(event), .params = {}};
      other.params = by_name ? cut(in, *only) : rest_of(in, data);
      return to.on_call(std::move(ref), std::move(other));
    }
    if (!by_name && data.count != 1) {
      auto why = make_error(error_code::invalid_params, "The event's only argument must be an object.");
      why.path = "params";
      return to.on_bad_call(std::move(ref), std::move(why));
    }
    std::optional<error> why;
    params_reader taker{in, by_name ? only : nullptr, why};
    auto taken = known->read(taker);
    if (why) return to.on_bad_call(std::move(ref), std::move(*why));
    to.on_call(std::move(ref), std::move(taken));
  }

  verdict ack(std::string_view id, const value* data, format in, sink& to) {
    if (data == nullptr || !data->is(kind::array)) return refused();
    if (first_flaw(*data) != nullptr)
      return unanswerable(id, make_error(error_code::invalid_params, "The answer holds what cannot be passed on."), to);
    const auto answered = acknowledged_by(id);
    if (!answered) return {};
    if (answered->inbox) return to.on_call({}, calls::inbox_ack{.upto = answered->number}), verdict{};
    to.on_answer('s' + std::to_string(answered->number), answer_of(*data, in));
    return {};
  }

  struct acknowledged_thing {
    bool inbox = false;
    std::uint64_t number = 0;
  };
  static std::optional<acknowledged_thing> acknowledged_by(std::string_view id) {
    std::uint64_t number = 0;
    const auto parsed = std::from_chars(id.data(), id.data() + id.size(), number);
    if (id.empty() || parsed.ec != std::errc{}) return std::nullopt;
    return acknowledged_thing{.inbox = number % 2 == 1, .number = number / 2};
  }

  verdict unanswerable(std::string_view id, error why, sink& to) {
    const auto answered = acknowledged_by(id);
    if (answered && !answered->inbox) to.on_answer('s' + std::to_string(answered->number), std::move(why));
    return {};
  }

  /// One argument is the answer, `{error: {code, message}}` a refusal; several are a list, none is nothing.
  static outcome answer_of(const value& data, format in) {
    if (data.count == 0) return result{results::document{nullptr, payload_shape::arguments}};
    if (data.count > 1) return result{results::document{cut(in, data), payload_shape::arguments}};
    const value& only = *(&data + 1);
    if (only.is(kind::object) && only.count == 1) {
      const auto* failed = find(only, "error");
      if (failed != nullptr) {
        if (auto why = read_rpc_error(*failed)) return std::move(*why);
      }
    }
    return result{results::document{cut(in, only)}};
  }

  // --- what goes out ---

  std::string connected(const outcome& what) const {
    if (const auto* why = std::get_if<error>(&what)) return socketio_connect_error(options_.to, *why);
    const auto& opened = std::get<results::session_opened>(std::get<result>(what));
    std::string json;
    json_writer w{json};
    w.begin_object();
    w.key("sid");
    w.text(opened.session);
    if (options_.recovery == offsets::appended) {
      w.key("pid");
      w.text(opened.session + '.' + opened.resume_token);
    }
    w.end_object();
    auto out = socketio_control(options_.to, socketio_type::connect, json);
    for (const auto& room : opened.rooms) {
      if (!room.recovered) out += codec_of(options_.pushes).encode_push(lost(room));
    }
    return out;
  }

  /// CONNECT's answer has no place for the rooms whose messages are not all there any more.
  static pushes::room_notice lost(const results::room_state& room) {
    return {.room = room.room, .code = room.reason, .from = {}, .to = room.seq, .epoch = room.epoch};
  }

  std::string acknowledged(std::string_view id, const outcome& what) const {
    const auto* done = std::get_if<result>(&what);
    if (done != nullptr && std::holds_alternative<results::unanswered>(*done)) return {};
    std::string out;
    socketio_packet_writer packet{out, options_.to, socketio_type::ack, id, reply_guess};
    const auto* document = done != nullptr ? std::get_if<results::document>(done) : nullptr;
    if (done == nullptr) {
      packet.written([&](std::string& to) { append_failure(packet.in(), std::get<error>(what), to); });
    } else if (document == nullptr || !document->body) {
      packet.written([&](std::string& to) { append_result(packet.in(), *done, to); });
    } else if (document->shape == payload_shape::arguments) {
      packet.arguments(*document->body);
    } else {
      packet.document(*document->body);
    }
    packet.end();
    return out;
  }

  /// `{"error": {code, message, data?}}`
  static void append_failure(format as, const error& why, std::string& to) {
    constexpr std::string_view key = "error";
    if (as == format::json) {
      to += '{';
      json_writer{to}.text(key);
      to += ':';
      append_error(as, why, to);
      to += '}';
    } else {
      msgpack_writer w{to};
      w.map(1);
      w.text(key);
      append_error(as, why, to);
    }
  }

  format in() const { return options_.to.parser == encoding::socketio ? format::json : format::msgpack; }

  static constexpr std::size_t offset_bytes_max = limits::epoch_bytes_max + limits::room_bytes_max + 32;

  socketio_options options_;
  std::uint32_t awaited_ = 0;  ///< attachments of `packet_` that are still to come
  std::string packet_;
  std::vector<std::string> attachments_;
  std::size_t assembled_bytes_ = 0;
};

}  // namespace

std::unique_ptr<dialogue> make_socketio_dialogue(socketio_options options) {
  return std::make_unique<socketio_dialogue>(std::move(options));
}

}  // namespace greenroom::codecs
