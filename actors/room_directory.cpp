#include "actors/room_directory.hpp"

#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/connection.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/pass.hpp"
#include "actors/relay.hpp"
#include "actors/room.hpp"
#include "runtime/dynamic_children.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"

namespace greenroom::room_directory {

using codecs::error_code;

std::size_t shard_of(std::string_view room, std::size_t shards) { return std::hash<std::string_view>{}(room) % shards; }

struct state {
  static inline const char* name = "room_directory";
  state(runtime::actor_base* s, const options& o)
      : self{s},
        opts{o},
        ctx{o.ctx},
        children{s,
                 {.id = "rooms",
                  .restart = runtime::restart::transient,
                  .gave_up = [this](const caf::actor& who, const caf::error& why) { gave_up(who, why); },
                  .ended = [this](const caf::actor_addr& who, const caf::error&) { gone(who.id()); }}} {}
  void bring_back(std::size_t shard, unsigned attempts);
  ~state() { ctx.meters.rooms -= rooms.size(); }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  caf::behavior start();
  template <class M>
  void route(const M& m);
  caf::result<room::resume::reply> route_question(const room::resume& m);
  template <class Question, class M, class Heard>
  void ask_rooms(const M& m, Heard heard);

  struct entry {
    caf::actor who;
    bool resting = false;
    std::vector<std::function<void()>> held;  ///< sends what waits for the room to rest, or to say that it stays
  };
  entry* find_or_start(const std::string& room);
  void gone(caf::actor_id who);
  void gave_up(const caf::actor& who, const caf::error& why);

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  runtime::dynamic_children children;
  std::unordered_map<std::string, entry> rooms;
  std::unordered_map<caf::actor_id, const std::string*> names;  ///< keys of `rooms`
};

namespace {

void refuse(const answer& to, std::string why) { to(codecs::make_error(error_code::unavailable, std::move(why))); }

/// The way back of a message that no room takes. A join's goes through the relay, so that its membership is forgotten,
/// too.
void refuse(context& ctx, const room::join& m, std::string why) {
  runtime::tell(ctx.shards[m.who->who.shard].relay,
                relay::drop{m.who, {m.reply, codecs::make_error(error_code::unavailable, std::move(why))}});
}
void refuse(context&, const room::call_roll&, const std::string&) {}  // a room that is not there tells when it starts
template <class M>
void refuse(context&, const M& m, std::string why) {
  refuse(m.reply, std::move(why));
}

}  // namespace

/// Rooms that have members died with the life before: nobody else would tell the members what they missed.
void state::bring_back(std::size_t shard, unsigned attempts) {
  runtime::ask(self, ctx.shards[shard].relay, limits::ask_timeout, relay::served{opts.shard})
      .then(
          [this](const relay::served::reply& r) {
            for (const auto& room : r.rooms) find_or_start(room);
          },
          [this, shard, attempts](const caf::error&) {
            if (attempts > 1) bring_back(shard, attempts - 1);
          });
}

caf::behavior state::start() {
  for (std::size_t i = 0; self->life() > 0 && i < ctx.shards.size(); ++i) bring_back(i, limits::survey_attempts);
  return children.handlers().or_else(
      [this](const room::publish& m) { route(m); }, [this](const room::join& m) { route(m); },
      [this](const room::leave& m) { route(m); }, [this](const room::history& m) { route(m); },
      [this](const room::members& m) { route(m); }, [this](const room::call_roll& m) { route(m); },
      [this](const room::resume& m) { return route_question(m); },
      [this](const wait_turn& m) { pass(self, m.who, connection::turn{}); },
      [this](const resting& m) {
        auto found = rooms.find(m.id.value);
        if (found == rooms.end() || found->second.resting) return;
        found->second.resting = true;  // from now on its messages wait here, and its mailbox drains
        runtime::tell(self, found->second.who, room::rest{});
      },
      [this](const staying& m) {
        auto found = rooms.find(m.id.value);
        if (found == rooms.end()) return;
        found->second.resting = false;
        for (auto& send : std::exchange(found->second.held, {})) send();
      },
      [this](const try_build& m) {
        ask_rooms<room::try_build>(m, [](try_build::reply& told, const std::string& room, std::string why) {
          if (!why.empty()) told.refused.push_back({room, std::move(why)});
        });
      },
      [this](const swap_build& m) {
        ask_rooms<room::swap_build>(m, [](swap_build::reply& told, const std::string& room, std::string why) {
          if (why.empty()) return;
          told.left.push_back({room, std::move(why)});
          --told.rooms;
        });
      });
}

/// Asks every living room that has the build's behaviour; `heard` is told what each says, or why it does not.
template <class Question, class M, class Heard>
void state::ask_rooms(const M& m, Heard heard) {
  struct round {
    explicit round(runtime::actor_base* self) : owed{self} {}
    void close() {
      if (--open == 0) owed.deliver(std::move(told));
    }
    runtime::promise<M> owed;
    typename M::reply told;
    std::size_t open = 1;
  };
  auto all = std::make_shared<round>(self);
  for (const auto& [name, entry] : rooms) {
    if (ctx.policies.of(name).behaviour != m.build->behaviour) continue;
    ++all->open;
    ++all->told.rooms;
    runtime::ask(self, entry.who, limits::swap_patience + limits::ask_timeout, Question{m.build})
        .then(
            [all, heard, name = name](const typename Question::reply& r) {
              heard(all->told, name, r.why);
              all->close();
            },
            [all, heard, name = name](const caf::error& why) {  // one that has left memory starts with the newer build
              if (why != caf::sec::request_receiver_down) heard(all->told, name, runtime::explain(why));
              all->close();
            });
  }
  all->close();
}

state::entry* state::find_or_start(const std::string& name) {
  auto found = rooms.find(name);
  if (found != rooms.end()) return &found->second;
  if (rooms.size() >= limits::rooms_per_shard_max) return nullptr;
  auto who = children.start([&](const runtime::place& p) {
    return room::spawn(
        p, {.ctx = ctx, .id = room_id{name}, .policy = &ctx.policies.of(name), .directory = caf::actor{self}});
  });
  if (!who) return nullptr;
  ++ctx.meters.rooms;
  auto [added, fresh] = rooms.emplace(name, entry{.who = who, .resting = false, .held = {}});
  names.emplace(who.id(), &added->first);
  return &added->second;
}

template <class M>
void state::route(const M& m) {
  auto* to = find_or_start(room::room_of(m));
  if (!to) return refuse(ctx, m, "the node keeps as many rooms as it may");
  if (!to->resting) return pass(self, to->who, m);
  // A member that leaves has been let in before: its leave is bounded by the joins, and must not be lost.
  constexpr bool must_arrive = std::is_same_v<M, room::leave>;
  if (!must_arrive && to->held.size() >= limits::held_messages_max) return refuse(ctx, m, "the room is loading");
  to->held.push_back([this, m] { route(m); });
}

/// A request keeps its asker, also while it waits.
caf::result<room::resume::reply> state::route_question(const room::resume& m) {
  auto* to = find_or_start(room::room_of(m));
  if (!to || to->held.size() >= limits::held_messages_max) return runtime::make_error(runtime::errc::restarting);
  auto promise = self->make_response_promise<room::resume::reply>();
  auto forward = [this, m, promise]() mutable {
    if (auto* room = find_or_start(room::room_of(m))) promise.delegate(room->who, m);
  };
  if (to->resting)
    to->held.push_back(forward);
  else
    forward();
  return promise;
}

/// A room has left memory; what came for it in the meantime brings it back.
void state::gone(caf::actor_id who) {
  auto name = names.find(who);
  if (name == names.end()) return;
  auto found = rooms.find(*name->second);
  names.erase(name);
  auto waiting = std::move(found->second.held);
  rooms.erase(found);
  --ctx.meters.rooms;
  for (auto& send : waiting) send();
}

void state::gave_up(const caf::actor& who, const caf::error& why) {
  auto name = names.find(who.id());
  if (name == names.end()) return;
  runtime::log::error("a room was given up", {runtime::log::room(*name->second), {"reason", runtime::explain(why)}});
  for (const auto& each : ctx.shards) runtime::tell(self, each.relay, relay::close_room{*name->second, "closed", {}});
  gone(who.id());
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::room_directory
