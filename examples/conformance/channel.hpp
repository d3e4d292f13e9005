// A room behaviour for Phoenix's topics: the channels of the published protocol suites.
#pragma once
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "actors/room_behaviour.hpp"
#include "codecs/fields.hpp"

namespace greenroom::conformance {

struct presented {
  std::optional<std::string> user;
  codecs::payload_ptr meta;
  static constexpr auto fields() {
    return std::tuple{codecs::field_of("user", &presented::user), codecs::field_of("meta", &presented::meta)};
  }
};
struct joined {
  std::string topic;
  codecs::payload_ptr params;
  static constexpr auto fields() {
    return std::tuple{codecs::field_of("topic", &joined::topic), codecs::field_of("params", &joined::params)};
  }
};

class channel final : public room_behaviour {
 public:
  using room_behaviour::room_behaviour;

  void on_join(join_request who) override {
    if (room().id().value == "room:forbidden") return who.refuse(because("unauthorized"));
    const auto read = codecs::read_fields<presented>(who.params().get());
    const auto* said = std::get_if<presented>(&read);
    if (said && said->user) who.show(*said->user, said->meta);
    const joined told{room().id().value, who.params() ? who.params() : codecs::json_document("{}")};
    who.accept(codecs::write_fields(told));
  }

  void on_message(publish_request message) override {
    using handler = void (channel::*)(publish_request);
    static const std::map<std::string_view, handler> handlers{
        {"echo", &channel::echo},       {"fail", &channel::fail},     {"ack", &channel::ack},
        {"quiet", &channel::quiet},     {"shout", &channel::shout},   {"shout_others", &channel::shout_others},
        {"push_me", &channel::push_me}, {"meta", &channel::set_meta}, {"stop", &channel::stop},
        {"crash", &channel::crash}};
    const auto found = handlers.find(message.event());
    if (found == handlers.end()) return message.refuse(because("unknown event"));
    (this->*found->second)(std::move(message));
  }

 private:
  static codecs::error because(std::string_view reason) {
    auto why = codecs::make_error(codecs::error_code::forbidden, std::string{reason});
    why.data = codecs::json_document("{\"reason\":\"" + std::string{reason} + "\"}");
    return why;
  }

  void echo(publish_request message) { message.reply(message.payload()); }
  void fail(publish_request message) {
    auto why = codecs::make_error(codecs::error_code::forbidden, "failed as asked");
    why.data = message.payload();
    message.refuse(std::move(why));
  }
  void ack(publish_request message) { message.reply(); }
  void quiet(publish_request message) { message.leave_unanswered(); }
  void shout(publish_request message) {
    room().publish({.event = message.event(), .payload = message.payload()});
    message.leave_unanswered();
  }
  void shout_others(publish_request message) {
    room().publish({.event = message.event(), .payload = message.payload(), .except = message.from().session});
    message.reply();
  }
  void push_me(publish_request message) {
    room().push_event(message.from().session, "pushed", message.payload());
    message.leave_unanswered();
  }
  void set_meta(publish_request message) {
    room().show(message.from().session, message.payload());
    message.reply();
  }
  void stop(publish_request message) {
    message.reply();
    room().remove(message.from().session, "stopped");
  }
  void crash(publish_request) { throw std::runtime_error{"crashed as asked"}; }
};

}  // namespace greenroom::conformance
