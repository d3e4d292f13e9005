#include <algorithm>

#include "codecs/close_code.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/methods.hpp"
#include "codecs/names.hpp"
#include "codecs/phoenix.hpp"
#include "codecs/phoenix_reader.hpp"
#include "codecs/phoenix_replies.hpp"
#include "codecs/phoenix_topics.hpp"
#include "codecs/rpc_error.hpp"

namespace greenroom::codecs {
namespace phoenix {
namespace {

using purpose = address::purpose;
using phase = joined_topic::phase;

error bad(std::string path, std::string sentence) {
  auto why = make_error(error_code::invalid_params, std::move(sentence));
  why.path = std::move(path);
  return why;
}

reply_ref to(const address& where, format in) { return {.id = to_id(where), .in = in}; }

class one_socket final : public dialogue {
 public:
  explicit one_socket(std::shared_ptr<const phoenix_options> options) : options_{std::move(options)} {}

  codec_id broadcasts() const noexcept override { return codec_id::phoenix; }

  verdict decode(frame_kind kind, std::string_view input, sink& to) override {
    borrowed_document document;
    message m;
    if (const auto why = read_message(kind, input, *document.operator->(), m)) {
      const auto& row = why == errc::ill_formed ? close_codes::wrong_data : close_codes::over_limits;
      return {.go_on = false, .close_code = row.code, .reason = row.reason};
    }
    if (m.topic == "phoenix" && m.event == "heartbeat")
      to.on_settled(reply_to(m, {}, 0), result{results::nothing{}});
    else if (m.event == "phx_join")
      join(m, to);
    else if (m.event == "phx_leave")
      leave(m, to);
    else if (m.event == "greenroom_answer")
      answer(m, to);
    else
      push(m, to);
    return {};
  }

  std::string encode_reply(const reply_ref& ref, const outcome& what, framing) override {
    std::string out;
    if (!ref.wants_answer()) return out;
    const auto where = from_id(ref.id);
    switch (where.of) {
      case purpose::join: answer_join(where, what, out); break;
      case purpose::push: answer_push(where, what, out); break;
      case purpose::leave: append_reply(out, where.join, where.which, where.topic, "ok", "{}"); [[fallthrough]];
      case purpose::superseded: append_end(out, where.join, where.topic, "phx_close", {}); break;
      case purpose::silent: break;
    }
    return out;
  }

  std::string encode_push(const codecs::push& what) override { return say(what, &topics_); }

  /// Who asks does not say where: on topic greenroom, or else on every topic, of which one listens.
  std::string encode_request(std::string_view id, std::string_view method, const payload_ptr& params,
                             const on_behalf*) const override {
    std::string out;
    const phoenix::ref which{phoenix::ref::sort::text, std::string{id}};
    const auto ask = [&](const phoenix::ref& join, std::string_view topic) {
      append_text(out, join, which, topic, method, params ? params->as(format::json) : std::string_view{"{}"});
    };
    const auto found = topics_.find(methods_topic);
    if (found != topics_.end() || topics_.empty()) {
      ask(found == topics_.end() ? phoenix::ref{} : found->second.join, methods_topic);
    } else {
      for (const auto& [topic, entry] : topics_) ask(entry.join, topic);
    }
    return out;
  }
  std::string encode_batch(format, std::span<const std::string>, framing) const override { return {}; }

 private:
  static reply_ref reply_to(const message& m, const phoenix::ref& join, std::uint64_t serial) {
    return phoenix::to({.of = purpose::push, .serial = serial, .join = join, .which = m.which, .topic = m.topic}, m.in);
  }
  static void unmatched(const message& m, sink& to) {
    auto why = make_error(error_code::not_found);
    why.data = std::make_shared<const payload>(format::json, R"({"reason":"unmatched topic"})");
    to.on_settled(reply_to(m, {}, 0), std::move(why));  // without a join_ref, as Phoenix does
  }

  void join(const message& m, sink& to) {
    if (const auto old = topics_.find(m.topic); old != topics_.end()) supersede(old, m.in, to);
    if (std::ranges::none_of(options_->topics, [&](const auto& each) { return matches(each, m.topic); }) &&
        sort_of(m.topic) == topic_sort::room)
      return unmatched(m, to);
    const address where{.of = purpose::join, .serial = ++serials_, .join = m.join, .which = m.which, .topic = m.topic};
    if (!is_name(m.topic, limits::room_bytes_max))
      return to.on_bad_call(
          phoenix::to(where, m.in),
          bad("topic", "The topic must be a name of at most 255 bytes, in NFC, without control characters."));
    if (topics_.size() >= options_->topics_max) {
      auto why = make_error(error_code::too_large, "This socket has joined as many topics as it may.");
      why.reason = "too_many_rooms";
      return to.on_bad_call(phoenix::to(where, m.in), std::move(why));
    }
    enter(m, where, to);
  }

  void enter(const message& m, const address& where, sink& to) {
    auto ref = phoenix::to(where, m.in);
    if (const auto* flaw = first_flaw(*m.payload))
      return to.on_bad_call(std::move(ref),
                            bad(path_to(*flaw, *m.payload, "params"), make_error_code(flaw->flaw).message()));
    auto& entry = topics_[m.topic];
    entry = {.join = m.join, .serial = where.serial};
    switch (sort_of(m.topic)) {
      case topic_sort::greenroom:
      case topic_sort::service: return to.on_settled(std::move(ref), result{results::nothing{}});
      case topic_sort::inbox: return to.on_call(std::move(ref), calls::inbox_open{m.topic.substr(inbox_prefix.size())});
      case topic_sort::room: break;
    }
    calls::room_join asked{.room = m.topic, .since = {}, .presence = nullptr};
    if (!m.payload->is(kind::null)) asked.params = cut(m.in, *m.payload);
    if (m.payload->is(kind::object)) {
      std::optional<error> why;
      params_reader params{m.in, m.payload, why};
      asked.since = params.position_if_any("since");
      asked.presence = params.document_if_any("presence", limits::presence_bytes_max);
      asked.tells_position = entry.tells_position = params.flag("positions", false);
      if (why) return to.on_bad_call(std::move(ref), std::move(*why));
    }
    to.on_call(std::move(ref), std::move(asked));
  }

  /// The older of two joins is left; its client hears phx_close before the newer one is answered.
  void supersede(topic_table::iterator old, format in, sink& to) {
    address where;
    where.of = old->second.is == phase::crashed ? purpose::silent : purpose::superseded;
    where.serial = old->second.serial;
    where.join = old->second.join;
    where.topic = old->first;
    part(where, old, in, to);
  }

  void part(const address& where, topic_table::iterator topic, format in, sink& to) {
    topics_.erase(topic);
    auto ref = phoenix::to(where, in);
    switch (sort_of(where.topic)) {
      case topic_sort::greenroom:
      case topic_sort::service: return to.on_settled(std::move(ref), result{results::nothing{}});
      case topic_sort::inbox: return to.on_call(std::move(ref), calls::inbox_close{});
      case topic_sort::room: return to.on_call(std::move(ref), calls::room_leave{where.topic});
    }
  }

  /// A message of another join than the topic's present one is ignored, as Phoenix does; one without a join_ref is not.
  static bool is_stale(const message& m, const joined_topic& topic) {
    return m.join != topic.join && m.join.is != phoenix::ref::sort::none && topic.join.is != phoenix::ref::sort::none;
  }

  void leave(const message& m, sink& to) {
    const auto found = topics_.find(m.topic);
    if (found == topics_.end()) return to.on_settled(reply_to(m, m.join, 0), result{results::nothing{}});
    if (is_stale(m, found->second)) return;
    part({.of = purpose::leave,
          .serial = found->second.serial,
          .join = found->second.join,
          .which = m.which,
          .topic = m.topic},
         found, m.in, to);
  }

  void push(const message& m, sink& to) {
    const auto found = topics_.find(m.topic);
    if (found == topics_.end() || found->second.is == phase::crashed) return unmatched(m, to);
    if (is_stale(m, found->second)) return;
    auto ref = reply_to(m, found->second.join, found->second.serial);
    if (const auto* flaw = first_flaw(*m.payload))
      return to.on_bad_call(std::move(ref),
                            bad(path_to(*flaw, *m.payload, "payload"), make_error_code(flaw->flaw).message()));
    switch (sort_of(m.topic)) {
      case topic_sort::greenroom: return call(std::move(ref), m.event, m, to);
      case topic_sort::service:
        return call(std::move(ref), m.topic.substr(service_prefix.size()) + '.' + m.event, m, to);
      case topic_sort::inbox: return call(std::move(ref), m.event == "ack" ? "inbox.ack" : "inbox." + m.event, m, to);
      case topic_sort::room: break;
    }
    if (!is_name(m.event, limits::event_bytes_max))
      return to.on_bad_call(
          std::move(ref),
          bad("event", "The event must be a name of at most 128 bytes, in NFC, without control characters."));
    to.on_call(std::move(ref),
               calls::room_publish{.room = m.topic, .event = m.event, .body = cut(m.in, *m.payload), .id = {}});
  }

  /// A method of the native protocol, or a service's.
  static void call(reply_ref ref, std::string name, const message& m, sink& to) {
    if (!is_name(name, limits::method_bytes_max))
      return to.on_bad_call(std::move(ref), bad("event", "The event must be the name of a method."));
    const value* params = m.payload->is(kind::null) ? nullptr : m.payload;
    const auto* known = find_method(name);
    if (known == nullptr)
      return to.on_call(std::move(ref), calls::other{std::move(name), params ? cut(m.in, *params) : nullptr});
    if (params != nullptr && !params->is(kind::object))
      return to.on_bad_call(std::move(ref), bad("payload", "The payload must be an object."));
    std::optional<error> why;
    params_reader taker{m.in, params, why};
    auto taken = known->read(taker);
    if (why) return to.on_bad_call(std::move(ref), std::move(*why));
    to.on_call(std::move(ref), std::move(taken));
  }

  /// The client's answer to a request: {ref, status, response}.
  static void answer(const message& m, sink& to) {
    const value *id = nullptr, *status = nullptr, *response = nullptr;
    if (m.payload->is(kind::object)) {
      id = find(*m.payload, "ref");
      status = find(*m.payload, "status");
      response = find(*m.payload, "response");
    }
    const bool ok = status != nullptr && status->is(kind::text) && status->text() == "ok";
    const bool failed = status != nullptr && status->is(kind::text) && status->text() == "error";
    if (id == nullptr || !id->is(kind::text) || !(ok || failed) || first_flaw(*m.payload) != nullptr)
      return to.on_bad_call(reply_to(m, m.join, 0),
                            bad("payload", R"(An answer has a ref, a status ("ok", "error") and a response.)"));
    std::string which{id->text()};
    if (ok) {
      to.on_answer(std::move(which), result{results::document{response ? cut(m.in, *response) : nullptr}});
    } else {
      auto why = response ? read_rpc_error(*response) : std::nullopt;
      if (!why) {
        why = make_error(error_code::internal, "The client answered with an error.");
        if (response != nullptr) why->data = cut(m.in, *response);
      }
      to.on_answer(std::move(which), std::move(*why));
    }
    to.on_settled(reply_to(m, m.join, 0), result{results::nothing{}});
  }

  /// The topic of that join; null where another one came after it.
  joined_topic* joined(const address& where) {
    const auto found = topics_.find(where.topic);
    return found != topics_.end() && found->second.serial == where.serial ? &found->second : nullptr;
  }

  void answer_join(const address& where, const outcome& what, std::string& out) {
    auto* topic = joined(where);
    if (const auto* why = std::get_if<error>(&what)) {
      append_refused_join(out, where, *why);
      if (topic != nullptr) topics_.erase(where.topic);
      return;
    }
    if (topic != nullptr) topic->is = phase::joined;
    append_joined(out, where, std::get<result>(what),
                  topic != nullptr && topic->tells_position ? codec_id::phoenix_positions : codec_id::phoenix);
  }

  void answer_push(const address& where, const outcome& what, std::string& out) {
    const auto* why = std::get_if<error>(&what);
    if (why != nullptr && why->code == error_code::internal && !why->data && where.serial != 0) {
      append_end(out, where.join, where.topic, "phx_error", {});
      if (auto* topic = joined(where)) topic->is = phase::crashed;
    } else if (where.which.is != phoenix::ref::sort::none) {
      append_response(out, where, what);
    }
  }

  std::shared_ptr<const phoenix_options> options_;
  topic_table topics_;
  std::uint64_t serials_ = 0;
};

}  // namespace
}  // namespace phoenix

std::unique_ptr<dialogue> make_phoenix_dialogue(std::shared_ptr<const phoenix_options> options) {
  return std::make_unique<phoenix::one_socket>(std::move(options));
}

}  // namespace greenroom::codecs
