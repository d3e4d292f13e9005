// A service behind the namespaces `/parrot` and `/secret` of Socket.IO and the channel `echo` of bare sessions: it gives
// back what it hears, asks, and sends its clients away.
#include <chrono>
#include <optional>
#include <string>
#include <variant>

#include "actors/plugin.hpp"

namespace {

using namespace greenroom;
using codecs::json_document;

class parrot final : public service_behaviour {
 public:
  using service_behaviour::service_behaviour;

  void open(channel_opening who) {
    const auto said = who.payload() ? std::string{who.payload()->as(codecs::format::json)} : "{}";
    if (who.channel() == "/secret" && said.find("\"token\":\"secret\"") == std::string::npos) {
      auto why = codecs::make_error(codecs::error_code::unauthenticated, "unauthorized");
      why.data = json_document(R"({"code":401,"hint":"token"})");
      return who.refuse(std::move(why));
    }
    who.accept();
    node().push(who.who().session, {.event = "auth", .params = json_document(said)});
  }

  void hear(service_request request) {
    const auto& event = request.method();
    const auto& from = request.from().session;
    if (event == "message") {
      node().push(from, {.event = "message-back", .params = request.params()});
    } else if (event == "message-with-ack") {
      return request.reply_arguments(request.params());
    } else if (event == "volatile") {
      node().push(from,
                  {.event = "volatile-back", .params = request.params(), .how = codecs::pushes::urgency::droppable});
    } else if (event == "ask-me") {
      return node().ask(from, "question", request.params(), std::chrono::milliseconds{300},
                        [request](const codecs::outcome& said) mutable { answer(request, said); });
    } else if (event == "kick") {
      node().disconnect(from, "kicked", farewell::connection);
    } else if (event == "leave-namespace") {
      node().disconnect(from, "left", farewell::session);
    } else if (event == "drop") {
      node().disconnect(from, "dropped", farewell::none);
    }
    request.leave_unanswered();
  }

  void echo(service_request request) {
    node().push(request.from().session, {.event = "message", .params = request.params()});
    request.leave_unanswered();
  }

 private:
  static void answer(service_request& request, const codecs::outcome& said) {
    if (std::holds_alternative<codecs::error>(said)) return request.reply(json_document("\"timeout\""));
    const auto& document = std::get<codecs::results::document>(std::get<codecs::result>(said));
    request.reply(document.body);
  }
};

/// Whoever brings a token is a guest: it is for the service to judge.
std::optional<std::variant<principal, codecs::error>> let_in(const visitor& who) {
  if (who.token.empty()) return std::nullopt;
  return principal{.user = user_id{"bearer-of-" + who.token}, .kind = identity::anonymous};
}

}  // namespace

GREENROOM_PLUGIN("parrot", "1.0") {
  into.set_doorkeeper(&let_in);
  into.add(service<parrot>("parrot")
               .serves("/parrot", &parrot::hear, &parrot::open)
               .serves("/secret", &parrot::hear, &parrot::open)
               .serves("echo", &parrot::echo));
}
