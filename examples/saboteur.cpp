// saboteur: crashes on command, to see supervision at work: a service, a room, and a whole actor that makes the node's own
// actors fail (`node.rehearsals = true`), always the youngest of a kind.
//
//   [plugins] load = ["build/examples/saboteur.so"]    [namespace.saboteur] behaviour = "saboteur"
#include <caf/send.hpp>

#include <stdexcept>
#include <thread>

#include "actors/context.hpp"
#include "actors/plugin.hpp"
#include "runtime/actor.hpp"
#include "runtime/rehearsal.hpp"
#include "runtime/supervisor.hpp"

struct strike {
  std::string at;  ///< connection, session, room, presence; service: the one that is asked
  static constexpr auto fields() { return std::tuple{greenroom::codecs::field_of("at", &strike::at, 32)}; }
};
GREENROOM_MESSAGE(strike)

namespace {

using namespace greenroom;
using runtime::supervisor::describe;

struct state {  // of the whole actor: it asks supervisors who their children are
  static inline const char* name = "saboteur";
  state(runtime::actor_base* s, context* const& c) : self{s}, ctx{*c} {}
  caf::behavior start() {
    return {[this](const strike& m) {
      if (m.at == "session") look_at(ctx.sessions);
      for (const auto& shard : ctx.shards) {
        if (m.at == "presence") fail(shard.presence);
        if (m.at == "room") look_at(shard.rooms);
        if (m.at == "connection") look_at(shard.gateway);
      }
    }};
  }
  void look_at(const caf::actor& supervisor) {
    if (++open == 1) youngest = nullptr;
    const auto heard = [this](const describe::reply& r) {
      for (const auto& each : r.children)
        if (!youngest || each.handle.id() > youngest.id()) youngest = each.handle;
      if (--open == 0 && youngest) fail(youngest);
    };
    runtime::ask(self, supervisor, std::chrono::seconds{5}, describe{}).then(heard, [this](auto&) { --open; });
  }
  void fail(const caf::actor& who) { runtime::tell(self, who, runtime::rehearsal::fail{"the saboteur was here"}); }
  runtime::actor_base* self;
  context& ctx;
  caf::actor youngest;
  int open = 0;  ///< supervisors that have not answered
};
caf::actor accomplice;  // made before the node takes its first call

struct saboteur_service final : service_behaviour {
  using service_behaviour::service_behaviour;
  void crash(const strike& what, service_request request) {
    if (what.at == "service") throw std::runtime_error{"as you wish"};
    caf::anon_send(accomplice, what);
    request.reply();
  }
};
struct saboteur_room final : room_behaviour {
  using room_behaviour::room_behaviour;
  void on_message(publish_request message) override {
    if (message.event() == "crash") throw std::runtime_error{"as you wish"};
    if (message.event() == "hold") std::this_thread::sleep_for(std::chrono::milliseconds{300});  // the watchdog sees it
    message.accept();
  }
};

}  // namespace

GREENROOM_PLUGIN("saboteur", "1.0.0") {
  into.add_room<saboteur_room>("saboteur");
  into.add(service<saboteur_service>("saboteur").answers("saboteur.crash", "Strikes.", &saboteur_service::crash));
  into.add_actor("saboteur", [](auto& at, context& ctx) { return accomplice = runtime::spawn<state>(at, &ctx); });
}
