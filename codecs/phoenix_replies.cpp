#include "codecs/phoenix_replies.hpp"

#include "codecs/json_writer.hpp"
#include "codecs/rpc_writer.hpp"

namespace greenroom::codecs::phoenix {
namespace {

std::string_view word_of(error_code code) {
  switch (code) {
    case error_code::parse: return "parse";
    case error_code::invalid_request: return "invalid_request";
    case error_code::method_not_found: return "method_not_found";
    case error_code::invalid_params: return "invalid_params";
    case error_code::internal: return "internal";
    case error_code::unauthenticated: return "unauthenticated";
    case error_code::forbidden: return "forbidden";
    case error_code::rate_limited: return "rate_limited";
    case error_code::not_found: return "not_found";
    case error_code::conflict: return "conflict";
    case error_code::too_large: return "too_large";
    case error_code::queue_full: return "queue_full";
    case error_code::unavailable: return "unavailable";
    case error_code::timed_out: return "timed_out";
    case error_code::draining: return "draining";
  }
  return "error";
}

/// `{reason, code, message, …}`: phoenix.js' programs look at the reason.
std::string json_of(const error& why, std::string_view reason) {
  std::string json;
  json_writer w{json};
  w.begin_object();
  w.key("reason"), w.text(reason);
  w.key("code"), w.integer(static_cast<std::int32_t>(why.code));
  w.key("message"), w.text(why.message);
  if (!why.path.empty()) w.key("path"), w.text(why.path);
  if (!why.trace.empty()) w.key("trace"), w.text(why.trace);
  if (why.retry_after_ms) w.key("retry_after_ms"), w.natural(*why.retry_after_ms);
  w.end_object();
  return json;
}

void append_refusal(std::string& out, const address& to, const error& why, std::string_view reason) {
  if (why.data)
    append_reply(out, to.join, to.which, to.topic, "error", why.data);
  else
    append_reply(out, to.join, to.which, to.topic, "error", json_of(why, reason));
}

std::string json_of(const results::joined& r) {
  std::string json;
  json_writer w{json};
  w.begin_object();
  w.key("epoch"), w.text(r.epoch);
  w.key("seq"), w.natural(r.seq);
  w.key("members"), w.natural(r.members);
  if (r.recovered) w.key("recovered"), w.boolean(*r.recovered);
  if (!r.reason.empty()) w.key("reason"), w.text(r.reason);
  w.end_object();
  return json;
}

std::string_view reason_of(const error& why) { return why.reason.empty() ? word_of(why.code) : why.reason; }

}  // namespace

void append_response(std::string& out, const address& to, const outcome& what) {
  if (const auto* why = std::get_if<error>(&what)) return append_refusal(out, to, *why, reason_of(*why));
  const auto& done = std::get<result>(what);
  if (std::holds_alternative<results::unanswered>(done)) return;
  if (const auto* said = std::get_if<results::document>(&done))
    return append_reply(out, to.join, to.which, to.topic, "ok", said->body);
  std::string json;
  append_result(format::json, done, json);
  append_reply(out, to.join, to.which, to.topic, "ok", json);
}

void append_joined(std::string& out, const address& to, const result& what, codec_id broadcasts) {
  const auto* room = std::get_if<results::joined>(&what);
  if (room == nullptr) {
    const bool silent = std::holds_alternative<results::unanswered>(what);  // a join has to be answered
    return append_response(out, to, silent ? result{results::nothing{}} : what);
  }
  if (room->reply)
    append_reply(out, to.join, to.which, to.topic, "ok", room->reply);
  else
    append_reply(out, to.join, to.which, to.topic, "ok", json_of(*room));
  if (room->missed.empty()) return;
  const auto& codec = codec_of(broadcasts);
  for (const auto& each : room->missed) codec.encode_broadcast(*each, out);
  codec.end_turn(*room->missed.back(), out);
}

void append_refused_join(std::string& out, const address& to, const error& why) {
  const bool access = why.code == error_code::forbidden || why.code == error_code::unauthenticated;
  const bool crash = why.code == error_code::internal && !why.data;
  if (crash)
    append_reply(out, to.join, to.which, to.topic, "error", R"({"reason":"join crashed"})");
  else
    append_refusal(out, to, why, access ? std::string_view{"unauthorized"} : reason_of(why));
}

}  // namespace greenroom::codecs::phoenix
