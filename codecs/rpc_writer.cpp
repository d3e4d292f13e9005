#include "codecs/rpc_writer.hpp"

#include <concepts>
#include <type_traits>

#include "codecs/json_writer.hpp"
#include "codecs/message_memory.hpp"
#include "codecs/msgpack_writer.hpp"
#include "codecs/websocket_frame.hpp"

namespace greenroom::codecs {
namespace {

/// Guesses for the first reserve; a wrong one costs a copy and nothing else.
constexpr std::size_t members_guess = 160, answer_guess = 128, message_guess = 256;

constexpr std::string_view word_of(ack_level ack) { return ack == ack_level::durable ? "durable" : "accepted"; }

constexpr std::string_view method_of(const pushes::room_notice&) { return "room.notice"; }
constexpr std::string_view method_of(const pushes::room_push&) { return "room.push"; }
constexpr std::string_view method_of(const pushes::room_changes&) { return "room.presence"; }
constexpr std::string_view method_of(const pushes::room_people&) { return "room.presence"; }
constexpr std::string_view method_of(const pushes::presence_changed&) { return "presence.changed"; }
constexpr std::string_view method_of(const pushes::inbox_message&) { return "inbox.message"; }
constexpr std::string_view method_of(const pushes::inbox_acked&) { return "inbox.acked"; }
constexpr std::string_view method_of(const pushes::session_notice&) { return "session.notice"; }
std::string_view method_of(const pushes::notification& p) { return p.method; }

/// Writes whole messages with a json_writer or a msgpack_writer. put() appends one value: the object of that struct.
template <class Writer>
class message_writer {
 public:
  explicit message_writer(std::string& out) : w_{out} {}

  void notification(std::string_view method, const auto& params) {
    begin_message();
    member("method", method);
    member("params", params);
    w_.end_object();
  }
  void notification(std::string_view method, const pushes::notification& what) {
    request({}, method, what.params, nullptr);
  }

  void answer(std::string_view raw_id, const outcome& what) {
    begin_message();
    w_.key("id");
    w_.raw(raw_id);
    if (const auto* failed = std::get_if<error>(&what))
      member("error", *failed);
    else
      std::visit([this](const auto& done) { this->member("result", done); }, std::get<result>(what));
    w_.end_object();
  }

  void request(std::optional<std::uint64_t> id, std::string_view method, std::string_view raw_params) {
    begin_message();
    member_if_any("id", id);
    member("method", method);
    if (!raw_params.empty()) w_.key("params"), w_.raw(raw_params);
    w_.end_object();
  }

  /// `id` empty: a notification.
  void request(std::string_view id, std::string_view method, const payload_ptr& params, const on_behalf* of) {
    begin_message();
    member_if_any("id", id);
    member("method", method);
    if (params) member("params", params);
    if (of) member("from", *of);
    w_.end_object();
  }

  void value(const auto& what) { put(what); }
  void value(const pushes::notification& what) { put(what.params); }

  void batch(std::span<const std::string> bodies) {
    w_.begin_array(bodies.size());
    for (const auto& body : bodies) w_.item(), w_.raw(body);
    w_.end_array();
  }

 private:
  void begin_message() {
    if constexpr (as == format::json) return w_.raw(R"({"jsonrpc":"2.0")");
    w_.begin_object();
    member("jsonrpc", "2.0");
  }

  static constexpr format as = std::is_same_v<Writer, json_writer> ? format::json : format::msgpack;

  void member(const auto& key, const auto& what) {
    w_.key(key);
    put(what);
  }
  void member_if_any(const auto& key, std::string_view text) {
    if (!text.empty()) member(key, text);
  }
  template <class T>
  void member_if_any(const auto& key, const std::optional<T>& what) {
    if (what) member(key, *what);
  }
  template <class T>
  void member_if_any(const auto& key, const std::vector<T>& items) {
    if (!items.empty()) member(key, items);
  }

  void put(std::string_view text) { w_.text(text); }
  void put(std::same_as<bool> auto truth) { w_.boolean(truth); }
  void put(std::unsigned_integral auto n) requires(!std::same_as<decltype(n), bool>) { w_.natural(n); }
  void put(std::signed_integral auto n) { w_.integer(n); }
  void put(const payload_ptr& document) { document ? w_.raw(document->as(as)) : w_.null(); }
  void put(const envelope_ptr& message) { put(*message); }

  template <class T>
  void put(const std::vector<T>& items) {
    w_.begin_array(items.size());
    for (const auto& each : items) w_.item(), put(each);
    w_.end_array();
  }

  void put(const envelope& m) {
    w_.begin_object();
    member("room", m.room);
    member("epoch", m.epoch);
    member("seq", m.seq);
    member("id", m.id);
    member("event", m.event);
    member("payload", m.body);
    member("from", m.from);
    member("at", m.at_ms);
    w_.end_object();
  }

  void put(const error& e) {
    w_.begin_object();
    member("code", static_cast<std::int32_t>(e.code));
    member("message", e.message);
    if (e.data) {
      member("data", e.data);
    } else if (!e.path.empty() || !e.reason.empty() || !e.trace.empty() || e.retry_after_ms) {
      w_.key("data");
      w_.begin_object();
      member_if_any("path", e.path);
      member_if_any("reason", e.reason);
      member_if_any("trace", e.trace);
      member_if_any("retry_after_ms", e.retry_after_ms);
      w_.end_object();
    }
    w_.end_object();
  }

  void put(const results::nothing&) {
    w_.begin_object();
    w_.end_object();
  }
  void put(const results::room_state& r) {
    w_.begin_object();
    member("room", r.room);
    member("epoch", r.epoch);
    member("seq", r.seq);
    member("recovered", r.recovered);
    member_if_any("reason", r.reason);
    w_.end_object();
  }
  void put(const results::session_limits& r) {
    w_.begin_object();
    member("message_bytes_max", r.message_bytes_max);
    member("rooms_max", r.rooms_max);
    member("in_flight_max", r.in_flight_max);
    w_.end_object();
  }
  void put(const results::heartbeat& r) {
    w_.begin_object();
    member("interval_ms", r.interval_ms);
    member("timeout_ms", r.timeout_ms);
    w_.end_object();
  }
  void put(const results::session_opened& r) {
    w_.begin_object();
    member("session", r.session);
    member("user", r.user);
    member("resume_token", r.resume_token);
    member("resumed", r.resumed);
    member_if_any("reason", r.reason);
    member("rooms", r.rooms);
    member("limits", r.limits);
    member("heartbeat", r.heartbeat);
    member("time", r.time_ms);
    w_.end_object();
  }
  void put(const results::refreshed& r) {
    w_.begin_object();
    member("expires_at", r.expires_at_ms);
    w_.end_object();
  }
  void put(const results::joined& r) {
    w_.begin_object();
    member("room", r.room);
    member("epoch", r.epoch);
    member("seq", r.seq);
    member("members", r.members);
    member_if_any("recovered", r.recovered);
    member_if_any("reason", r.reason);
    if (r.recovered == true) member("missed", r.missed);
    if (r.reply) member("reply", r.reply);
    w_.end_object();
  }
  void put(const results::published& r) {
    w_.begin_object();
    member("id", r.id);
    member("epoch", r.epoch);
    member("seq", r.seq);
    member("ack", word_of(r.ack));
    if (r.duplicate) member("duplicate", true);
    w_.end_object();
  }
  void put(const results::history& r) {
    w_.begin_object();
    member("epoch", r.epoch);
    member("first", r.first);
    member("last", r.last);
    member("messages", r.messages);
    w_.end_object();
  }
  void put(const results::presence_entry& r) {
    w_.begin_object();
    member("session", r.session);
    if (r.meta) member("meta", r.meta);
    w_.end_object();
  }
  void put(const results::member& r) {
    w_.begin_object();
    member("user", r.user);
    member("since", r.since_ms);
    member("entries", r.entries);
    w_.end_object();
  }
  void put(const results::members& r) {
    w_.begin_object();
    member("total", r.total);
    member("members", r.list);
    member_if_any("next", r.next);
    w_.end_object();
  }
  void put(const results::sent& r) {
    w_.begin_object();
    member("id", r.id);
    member("ack", word_of(r.ack));
    if (r.duplicate) member("duplicate", true);
    w_.end_object();
  }
  void put(const results::inbox_acked& r) {
    w_.begin_object();
    member("upto", r.upto);
    member("left", r.left);
    w_.end_object();
  }
  void put(const results::presence_state& r) {
    w_.begin_object();
    state_members(r);
    w_.end_object();
  }
  void put(const results::presence_states& r) {
    w_.begin_object();
    w_.key("users");
    if constexpr (as == format::json) {
      w_.begin_object();
      for (const auto& [name, state] : r.users) member(name, state);
      w_.end_object();
    } else {
      w_.map(r.users.size());
      for (const auto& [name, state] : r.users) w_.text(name), put(state);
    }
    w_.end_object();
  }
  void put(const results::online& r) {
    w_.begin_object();
    member("total", r.total);
    member("users", r.users);
    member_if_any("next", r.next);
    w_.end_object();
  }
  void put(const results::registered& r) {
    w_.begin_object();
    member("worker", r.worker);
    member("methods", r.methods);
    w_.end_object();
  }
  void put(const results::document& r) { put(r.body); }
  void put(const results::unanswered&) { w_.null(); }

  void state_members(const results::presence_state& r) {
    member("online", r.online);
    member_if_any("status", r.status);
    member_if_any("location", r.location);
    if (r.meta) member("meta", r.meta);
    member_if_any("last_seen", r.last_seen_ms);
  }

  void put(const pushes::room_notice& p) {
    w_.begin_object();
    member("room", p.room);
    member("code", p.code);
    member_if_any("from", p.from);
    member_if_any("to", p.to);
    member_if_any("epoch", p.epoch);
    member_if_any("text", p.text);
    w_.end_object();
  }
  void put(const pushes::room_push& p) {
    w_.begin_object();
    member("room", p.room);
    member("event", p.event);
    member("payload", p.payload);
    w_.end_object();
  }
  void put(const pushes::room_changes& p) {
    w_.begin_object();
    member("room", p.room);
    member_if_any("joined", p.joined);
    if (!p.left.empty()) {
      w_.key("left");
      w_.begin_array(p.left.size());
      for (const auto& user : p.left) {
        w_.item();
        w_.begin_object();
        member("user", user);
        w_.end_object();
      }
      w_.end_array();
    }
    member_if_any("updated", p.updated);
    member("total", p.total);
    w_.end_object();
  }
  void put(const pushes::room_people& p) {
    w_.begin_object();
    member("room", p.room);
    member("users", p.users);
    member("total", p.total);
    w_.end_object();
  }
  void put(const pushes::presence_changed& p) {
    w_.begin_object();
    member("user", p.user);
    state_members(p.now);
    w_.end_object();
  }
  void put(const on_behalf& of) {
    w_.begin_object();
    member("user", of.user);
    member_if_any("session", of.session);
    w_.end_object();
  }
  void put(const pushes::inbox_message& p) {
    const envelope& m = *p.message;
    w_.begin_object();
    member("n", m.seq);
    member("id", m.id);
    member("from", m.from);
    member("event", m.event);
    member("payload", m.body);
    member("at", m.at_ms);
    w_.end_object();
  }
  void put(const pushes::inbox_acked& p) {
    w_.begin_object();
    member("upto", p.upto);
    w_.end_object();
  }
  void put(const pushes::session_notice& p) {
    w_.begin_object();
    member("code", p.code);
    member_if_any("text", p.text);
    w_.end_object();
  }

  Writer w_;
};

/// Appends one message of that format; `writing` tells a message_writer which.
void write(format as, std::string& out, auto&& writing) {
  if (as == format::json)
    writing(message_writer<json_writer>{out});
  else
    writing(message_writer<msgpack_writer>{out});
}

std::size_t guess(const envelope& m) { return members_guess + m.room.size() + m.body->original().size(); }

std::size_t guess(const payload_ptr& document) { return answer_guess + (document ? document->original().size() : 0); }

std::size_t guess(const push& what) {
  if (const auto* p = std::get_if<pushes::inbox_message>(&what)) return guess(*p->message);
  if (const auto* p = std::get_if<pushes::room_push>(&what)) return guess(p->payload);
  if (const auto* p = std::get_if<pushes::notification>(&what)) return guess(p->params);
  return answer_guess;
}

/// How long an answer will be, as far as its messages decide.
std::size_t guess(const outcome& what) {
  const auto* done = std::get_if<result>(&what);
  if (done == nullptr) return answer_guess;
  if (const auto* r = std::get_if<results::history>(done)) return answer_guess + r->messages.size() * message_guess;
  if (const auto* r = std::get_if<results::joined>(done)) return answer_guess + r->missed.size() * message_guess;
  if (const auto* r = std::get_if<results::document>(done)) return guess(r->body);
  return answer_guess;
}

}  // namespace

void write_broadcast(format as, const envelope& message, std::string& out) {
  const websocket_frame frame{out, kind_of(as), framing::websocket, guess(message)};
  write(as, out, [&](auto&& w) { w.notification("room.message", message); });
}

std::string write_push(format as, const push& what) {
  std::string out;
  {
    const websocket_frame frame{out, kind_of(as), framing::websocket, guess(what)};
    write(as, out, [&](auto&& w) { std::visit([&w](const auto& p) { w.notification(method_of(p), p); }, what); });
  }
  return out;
}

std::string write_server_request(format as, std::string_view id, std::string_view method, const payload_ptr& params,
                                 const on_behalf* of) {
  std::string out;
  {
    const websocket_frame frame{out, kind_of(as), framing::websocket, guess(params)};
    write(as, out, [&](auto&& w) { w.request(id, method, params, of); });
  }
  return out;
}

std::string write_reply(const reply_ref& ref, const outcome& what, framing as) {
  if (!ref.wants_answer()) return {};
  auto out = spare_string();
  {
    const websocket_frame frame{out, kind_of(ref.in), as, guess(what)};
    write(ref.in, out, [&](auto&& w) { w.answer(ref.id, what); });
  }
  return out;
}

std::string write_batch(format as, std::span<const std::string> bodies, framing framed) {
  std::size_t length = answer_guess;
  for (const auto& body : bodies) length += body.size() + 1;
  std::string out;
  {
    const websocket_frame frame{out, kind_of(as), framed, length};
    write(as, out, [&](auto&& w) { w.batch(bodies); });
  }
  return out;
}

void append_result(format as, const result& what, std::string& out) {
  write(as, out, [&](auto&& w) { std::visit([&w](const auto& each) { w.value(each); }, what); });
}

void append_error(format as, const error& what, std::string& out) {
  write(as, out, [&](auto&& w) { w.value(what); });
}

void append_envelope(format as, const envelope& what, std::string& out) {
  write(as, out, [&](auto&& w) { w.value(what); });
}

std::string_view method_of(const push& what) {
  return std::visit([](const auto& each) -> std::string_view { return method_of(each); }, what);
}

void append_params(format as, const push& what, std::string& out) {
  write(as, out, [&](auto&& w) { std::visit([&w](const auto& each) { w.value(each); }, what); });
}

std::string write_request(format as, std::optional<std::uint64_t> id, std::string_view method,
                          std::string_view raw_params) {
  std::string out;
  out.reserve(answer_guess + raw_params.size());
  write(as, out, [&](auto&& w) { w.request(id, method, raw_params); });
  return out;
}

}  // namespace greenroom::codecs
