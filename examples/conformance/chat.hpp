// A service for the events of Socket.IO's namespaces: the server of the published protocol suites. Every socket of a
// namespace is in one room of its own, so that the namespace can be spoken to.
#pragma once
#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "actors/service_behaviour.hpp"
#include "codecs/arguments.hpp"

namespace greenroom::conformance {

struct credentials {
  std::optional<std::string> token;
  static constexpr auto fields() { return std::tuple{codecs::field_of("token", &credentials::token)}; }
};

class chat final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;

  void on_open(channel_opening who) {
    if (who.channel() == "/auth" && token_of(who.payload()) != "secret") {
      auto why = codecs::make_error(codecs::error_code::unauthenticated, "unauthorized");
      why.data = codecs::json_document(R"({"code":401,"hint":"token"})");
      return who.refuse(std::move(why));
    }
    node().join(who.who().session, everybody(who.channel()), [this, who](const codecs::outcome& joined) mutable {
      if (const auto* why = std::get_if<codecs::error>(&joined)) return who.refuse(*why);
      who.accept();
      if (greetings_.empty()) node().set_timer("greet", greeting_delay);
      greetings_.push_back({who.who().session, who.payload() ? who.payload() : codecs::json_document("{}"),
                            node().now_ms() + greeting_delay.count()});
    });
  }

  void on_timer(std::string_view) override {
    while (!greetings_.empty() && greetings_.front().due_ms <= node().now_ms()) greet(greetings_.begin());
    if (!greetings_.empty()) node().set_timer("greet", greeting_delay);
  }

  void on_event(service_request request) {
    const auto unsaid = std::find_if(greetings_.begin(), greetings_.end(),
                                     [&](const greeting& each) { return each.to == request.from().session; });
    if (unsaid != greetings_.end()) greet(unsaid);
    using handler = void (chat::*)(service_request);
    static const std::map<std::string_view, handler> handlers{
        {"message", &chat::message},     {"message-with-ack", &chat::message_with_ack},
        {"join", &chat::join},           {"leave", &chat::leave},
        {"to-room", &chat::to_room},     {"all-room", &chat::all_room},
        {"broadcast", &chat::broadcast}, {"volatile", &chat::drop_if_busy},
        {"ask-me", &chat::ask_me},       {"kick", &chat::kick},
        {"drop", &chat::drop},           {"leave-namespace", &chat::leave_namespace}};
    const auto found = handlers.find(request.method());
    if (found == handlers.end()) return request.leave_unanswered();
    (this->*found->second)(std::move(request));
  }

 private:
  /// `auth` is said a little after CONNECT is answered, and before anything else: a client that listens anew for each
  /// packet, as the published suites do, would miss one that comes in the same read as another.
  struct greeting {
    session_id to;
    codecs::payload_ptr what;
    std::int64_t due_ms;
  };
  using greetings = std::deque<greeting>;  ///< of the clients that came within greeting_delay, the oldest first
  static constexpr std::chrono::milliseconds greeting_delay{50};

  void greet(greetings::iterator whom) {
    node().push(whom->to, "auth", whom->what);
    greetings_.erase(whom);
  }

  static room_id everybody(const std::string& channel) { return {"sio:" + channel}; }
  static room_id room_of(const service_request& request, const codecs::payload_ptr& name) {
    return {"sio:" + request.channel() + ":" + codecs::text_of(name).value_or("")};
  }
  static std::string token_of(const codecs::payload_ptr& auth) {
    const auto read = codecs::read_fields<credentials>(auth.get());
    const auto* said = std::get_if<credentials>(&read);
    return said ? said->token.value_or("") : std::string{};
  }
  void to(const room_id& whom, std::string event, const service_request& request, std::optional<session_id> except) {
    node().publish(whom, {.event = std::move(event),
                          .payload = codecs::list_of(codecs::arguments_of(request.params())),
                          .except = std::move(except),
                          .shape = codecs::payload_shape::arguments});
  }

  void message(service_request request) {
    node().push(request.from().session, "message-back", codecs::list_of(codecs::arguments_of(request.params())));
    request.leave_unanswered();
  }
  void message_with_ack(service_request request) {
    request.reply_arguments(codecs::list_of(codecs::arguments_of(request.params())));
  }
  void join(service_request request) {
    const auto arguments = codecs::arguments_of(request.params());
    if (arguments.empty()) return request.leave_unanswered();
    node().join(request.from().session, room_of(request, arguments.front()),
                [request](const codecs::outcome& done) mutable {
                  if (const auto* why = std::get_if<codecs::error>(&done)) return request.refuse(*why);
                  request.reply(codecs::text_document("joined"));
                });
  }
  void leave(service_request request) {
    const auto arguments = codecs::arguments_of(request.params());
    if (arguments.empty()) return request.leave_unanswered();
    node().leave(request.from().session, room_of(request, arguments.front()),
                 [request](const codecs::outcome& done) mutable {
                   const auto* why = std::get_if<codecs::error>(&done);
                   const bool was_not_there = why && why->code == codecs::error_code::not_found;
                   if (why && !was_not_there) return request.refuse(*why);
                   request.reply(codecs::text_document("left"));
                 });
  }
  void to_room(service_request request) {
    const auto arguments = codecs::arguments_of(request.params());
    if (!arguments.empty()) to(room_of(request, arguments.front()), "room-msg", request, request.from().session);
    request.leave_unanswered();
  }
  void all_room(service_request request) {
    const auto arguments = codecs::arguments_of(request.params());
    if (!arguments.empty()) to(room_of(request, arguments.front()), "room-msg", request, std::nullopt);
    request.leave_unanswered();
  }
  void broadcast(service_request request) {
    to(everybody(request.channel()), "broadcast-msg", request, request.from().session);
    request.leave_unanswered();
  }
  void drop_if_busy(service_request request) {
    node().push(request.from().session, {.event = "volatile-back",
                                         .params = codecs::list_of(codecs::arguments_of(request.params())),
                                         .channel = {},
                                         .how = codecs::pushes::urgency::droppable});
    request.leave_unanswered();
  }
  void ask_me(service_request request) {
    using namespace std::chrono_literals;
    node().ask(request.from().session, "question", codecs::list_of(codecs::arguments_of(request.params())), 2s,
               [request](const codecs::outcome& said) mutable {
                 const auto* done = std::get_if<codecs::result>(&said);
                 const auto* document = done ? std::get_if<codecs::results::document>(done) : nullptr;
                 if (!document) return request.reply(codecs::text_document("timeout"));
                 auto all = codecs::arguments_of(*document);
                 all.insert(all.begin(), codecs::text_document("answered"));
                 request.reply_arguments(codecs::list_of(all));
               });
  }
  void kick(service_request request) { node().disconnect(request.from().session, "kicked", farewell::connection); }
  void leave_namespace(service_request request) { node().disconnect(request.from().session, "", farewell::session); }
  void drop(service_request request) { node().disconnect(request.from().session, "", farewell::none); }

  greetings greetings_;
};

/// Bare messages come back as they are.
class echo final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;
  void on_message(service_request request) { request.reply_arguments(request.params()); }
};

}  // namespace greenroom::conformance
