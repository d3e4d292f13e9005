#include "actors/session.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include "actors/connection.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"
#include "actors/questions.hpp"
#include "actors/relay.hpp"
#include "actors/room.hpp"
#include "actors/session_channels.hpp"
#include "actors/session_directory.hpp"
#include "actors/session_inbox.hpp"
#include "actors/session_presence.hpp"
#include "actors/session_rights.hpp"
#include "actors/store_writer.hpp"
#include "runtime/secret.hpp"
#include "runtime/shared_behavior.hpp"
#include "storage/store.hpp"

namespace greenroom::session {
namespace {

struct save_now {};  ///< To itself: the rooms have changed a while ago.

}  // namespace
}  // namespace greenroom::session

GREENROOM_MESSAGE(greenroom::session::save_now)

namespace greenroom::session {

namespace results = codecs::results;
using codecs::error_code;

bool opens(storage::stored_session& stored, const std::string& token) {
  if (stored.window_ms == 0) return false;
  const auto hash = runtime::digest(token);
  if (runtime::equal(hash, stored.token)) return true;
  if (!stored.previous_token || !runtime::equal(hash, *stored.previous_token)) return false;
  stored.token = *std::exchange(stored.previous_token, std::nullopt);  // the newest never arrived
  return true;
}

struct state {
  static inline const char* name = "session";
  state(runtime::actor_base* s, const options& o)
      : self{s},
        opts{o},
        ctx{o.ctx},
        keep{*o.keep},
        letters{s, o},
        presence{s, o, [this] { save(); }},
        channels{s, o},
        rights{s, o, channels} {}

  caf::behavior start();
  caf::behavior attached();
  caf::behavior detached();
  static caf::message_handler detached_handlers();

  void resume_rooms();
  void resume_room(const std::string& room, codecs::position from, const std::string& joined_epoch,
                   const storage::stored_membership* was);
  void ask_room(const room::resume& what, unsigned attempts);
  void room_resumed(results::room_state what);
  void answer_open();
  void open(storage::errc stored);
  void say_opened();
  void turn_away(codecs::error why);
  void lose_connection();
  hand_over::reply give_up_state(const hand_over& m);
  void leave_and_end(std::string_view why);
  caf::behavior ending();
  void end(std::string_view why);
  void say(const codecs::push& what);
  void put(const ask& m);
  void end_by(const disconnect& m);
  void refuse_questions();
  void register_again(const readopt& m);
  void prove(std::uint64_t ping);
  void save(std::function<void(storage::errc)> then = [](storage::errc) {});
  bool take_stock();
  std::string new_token();
  void forget_token();
  bool resumable() const { return keep.stored.window_ms > 0; }

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  record& keep;
  session_inbox letters;
  session_presence presence;
  session_channels channels;
  session_rights rights;
  struct resume {
    std::vector<results::room_state> answered;
    std::size_t open = 0;  ///< rooms that have not
  };
  std::unique_ptr<resume> rooms_asked;  ///< null where there was no room to ask
  resume& asked_rooms() { return *(rooms_asked ? rooms_asked : rooms_asked = std::make_unique<resume>()); }
  std::uint64_t detachments = 0;
  std::uint64_t token_ping = 0;  ///< the ping whose own answer makes the old token die; 0: not sent
  bool saving = false;
  std::unique_ptr<questions> asked;  ///< null until the client is asked something
};

std::shared_ptr<const presence_words> words_of(const storage::stored_presence& shown) {
  if (shown.stamp == 0) return nullptr;
  codecs::payload_ptr meta;
  if (!shown.meta.empty()) meta = std::make_shared<const codecs::payload>(codecs::format::msgpack, shown.meta);
  return std::make_shared<const presence_words>(
      presence_words{shown.status, shown.location, std::move(meta), shown.stamp});
}

caf::behavior state::start() {
  if (self->life() != 0) keep.unstored = true;  // what the life before was storing
  presence.begin();
  if (keep.opening) {
    if (keep.opening->resumed)
      resume_rooms();
    else
      answer_open();
  }
  return keep.client ? attached() : detached();
}

// --- opening

/// Every room of the stored session, and every one that the client names beside them, is asked at once.
void state::resume_rooms() {
  rights.resume();
  std::map<std::string, codecs::position> wanted;
  for (const auto& each : keep.opening->positions) wanted[each.room] = each.at;
  const auto known = keep.stored.rooms;  // stays stored: who resumes meanwhile, or a next life, starts there again
  for (const auto& each : known) {
    auto found = wanted.find(each.room);
    codecs::position from{each.seen.epoch, each.seen.seq};
    if (found != wanted.end()) {
      from = found->second;
      wanted.erase(found);
    }
    resume_room(each.room, std::move(from), each.seen.epoch, &each);
  }
  for (auto& [room, from] : wanted) resume_room(room, std::move(from), {}, nullptr);
  if (!rooms_asked || rooms_asked->open == 0) answer_open();
}

void state::resume_room(const std::string& room, codecs::position from, const std::string& joined_epoch,
                        const storage::stored_membership* was) {
  auto refuse = [&](std::string reason) {
    asked_rooms().answered.push_back(
        {.room = room, .epoch = {}, .seq = 0, .recovered = false, .reason = std::move(reason)});
  };
  if (!rights.lets_in(room)) return refuse("forbidden");
  auto one = new_member(ctx, room, holder(opts), opts.id, keep.client);
  if (was) one->who.since_ms = was->since_ms;
  if (was && !was->presence.empty())
    one->who.presence = std::make_shared<const codecs::payload>(codecs::format::msgpack, was->presence);
  one->epoch = from.epoch.empty() ? joined_epoch : from.epoch;
  one->position = one->proven = from.seq;
  if (!keep.rooms->add(one)) return refuse("too_many_rooms");
  ++asked_rooms().open;
  ask_room({one, std::move(from), joined_epoch}, limits::resume_attempts);
}

/// A room that dies with the question, or with its directory, is asked again: it comes back.
void state::ask_room(const room::resume& what, unsigned attempts) {
  runtime::ask(self, ctx.rooms_of(what.who->room), limits::ask_timeout, what)
      .then(
          [this](const room::resume::reply& r) { room_resumed(r.state); },
          [this, what, attempts](const caf::error& why) {
            if (why != caf::sec::request_timeout && attempts > 1) return ask_room(what, attempts - 1);
            keep.rooms->remove(what.who->room);
            runtime::tell(ctx.rooms_of(what.who->room), room::leave{what.who, {}});  // it may still hear of the member
            room_resumed({.room = what.who->room, .epoch = {}, .seq = 0, .recovered = false, .reason = "unavailable"});
          });
}

void state::room_resumed(results::room_state what) {
  asked_rooms().answered.push_back(std::move(what));
  if (--asked_rooms().open == 0) answer_open();
}

/// The new token and every room are stored before anybody hears of them.
void state::answer_open() {
  keep.stored.deadline_ms = 0;
  if (resumable() && keep.opening->token.empty()) keep.opening->token = new_token();
  save([this](storage::errc stored) { open(stored); });
}

/// Writes the result; only then may anything of the rooms and of the inbox follow. Where the store takes nothing now, a
/// client that resumes keeps the token that it has, and a new one gets none: its session ends with its connection.
void state::open(storage::errc stored) {
  if (keep.rooms->closed() || !keep.client)
    return;  // it ends: what is not stored is not answered, and the call is lost
  if (stored != storage::errc::success) {
    ctx.meters.session_not_stored();
    keep.opening->token = keep.opening->presented;
    forget_token();
    if (!keep.opening->resumed) {
      keep.stored.window_ms = 0;
      store_writer::post(self, ctx, storage::session_erase{opts.id.value});  // it may be stored all the same
    }
  }
  channels.welcome([this](std::optional<codecs::error> why) {
    if (keep.rooms->closed() || !keep.client || !keep.opening) return;
    why ? turn_away(std::move(*why)) : say_opened();
  });
}

/// The channel for which it opens does not let its client in.
void state::turn_away(codecs::error why) {
  auto how = std::exchange(keep.opening, {});
  const auto code = why.code;
  how->reply(std::move(why));
  runtime::tell(keep.connection, connection::refused{code});
  leave_and_end("its channel did not let it in");
}

void state::say_opened() {
  results::session_opened result{.session = opts.id.value,
                                 .user = opts.who.user.value,
                                 .resume_token = {},
                                 .resumed = keep.opening->resumed,
                                 .reason = keep.opening->reason,
                                 .rooms = rooms_asked ? std::move(rooms_asked->answered) : decltype(resume::answered){},
                                 .limits = {},
                                 .heartbeat = {},
                                 .time_ms = ctx.now_ms()};
  const auto& gateway = ctx.config.gateway;
  result.limits = {gateway.message_bytes_max, ctx.config.sessions.rooms_max, limits::calls_in_flight_max};
  result.heartbeat = {gateway.ping_interval_ms, gateway.pong_timeout_ms};
  result.resume_token = keep.opening->token;
  rooms_asked.reset();
  auto how = std::exchange(keep.opening, {});  // a life that ends before this opens again
  how->reply(codecs::result{std::move(result)});
  for (const auto& each : how->held) keep.client->push(each);
  if (keep.stored.previous_token) token_ping = keep.client->ping_in_order();
  runtime::tell(keep.connection, connection::opened{opts.id, holder(opts), caf::actor{self}, keep.rooms, how->resumed});
  for (const auto& each : keep.rooms->all()) each->waits = false;
  runtime::tell(ctx.shards[opts.shard].relay, relay::feed{keep.rooms->all()});
  letters.begin();
  presence.opened();
  ctx.meters.session_opened(how->resumed);
  if (!keep.client->out())
    runtime::tell(caf::actor{self}, connection_lost{keep.client});  // it closed while the rooms were asked
}

/// The one before the new one counts again.
void state::forget_token() {
  keep.stored.token = keep.stored.previous_token.value_or(storage::token_hash{});
  keep.stored.previous_token.reset();
}

std::string state::new_token() {
  auto token = runtime::random_text(32);
  if (keep.stored.token != storage::token_hash{}) keep.stored.previous_token = keep.stored.token;
  keep.stored.token = runtime::digest(token);
  return token;
}

// --- attached

caf::behavior state::attached() {
  static const auto handlers = runtime::shared_behavior<state, options>(
      [](state& my, const connection_lost& m) {
        if (m.client == my.keep.client) my.lose_connection();
      },
      [](state& my, const hand_over& m) { return my.give_up_state(m); },
      [](state& my, const close& m) {
        m.reply(codecs::result{results::nothing{}});
        runtime::tell(my.keep.connection, connection::close{codecs::close_codes::closed});
        my.leave_and_end("its client closed it");
      },
      [](state&, const expire&) {}, [](state& my, const proven& m) { my.prove(m.ping); },
      [](state& my, const rooms_changed&) {
        if (my.resumable() && !std::exchange(my.saving, true)) my.self->later(std::chrono::seconds{1}, save_now{});
      },
      [](state& my, const save_now&) {
        my.saving = false;
        my.save();
        my.keep.unstored = true;  // rooms that were slow have written behind it: once more at the next pong
      },
      [](state& my, const readopt& m) { my.register_again(m); },
      [](state& my, const set_presence& m) { my.presence.set(m); },
      [](state& my, const watch& m) { my.presence.watch(m); },
      [](state& my, const unwatch& m) { my.presence.unwatch(m); },
      [](state& my, const seen& m) { my.presence.hear(m); },
      [](state& my, const send_late&) { my.presence.send_late(); },
      [](state& my, const ask_again& m) { my.presence.ask_again(m.shard); },
      [](state& my, const notice& m) {
        my.keep.client->push(codecs::pushes::session_notice{m.code, m.text});
      },
      [](state& my, const push& m) { my.say(m.what); }, [](state&, const after_pushes& m) { m.what(); },
      [](state& my, const ask& m) { my.put(m); },
      [](state& my, const answered& m) {
        if (!my.asked || m.client != my.keep.client) return my.ctx.meters.client_request(request_end::late);
        my.asked->settle(m.number, m.what);
      },
      [](state& my, const look&) {
        if (my.asked) my.asked->on_look();
      },
      [](state& my, const disconnect& m) { my.end_by(m); }, [](state& my, const inbox& m) { my.letters.deliver(m); },
      [](state& my, const inbox_ack& m) { my.letters.acknowledge(m); },
      [](state& my, const take_inbox& m) { my.letters.take(m); },
      [](state& my, const inbox_acked& m) { my.keep.client->push(codecs::pushes::inbox_acked{m.upto}); },
      [](state& my, const open_channel& m) { my.channels.open(m); },
      [](state& my, const close_channel& m) { my.channels.close(m); },
      [](state& my, const move_member& m) { my.channels.move(m); },
      [](state& my, const moved& m) { my.channels.settle(m); },
      [](state& my, const permitted& m) {
        if (auto unseen = my.rights.replace(m); !unseen.empty()) my.presence.unwatch({std::move(unseen), {}});
      });
  return handlers;
}

/// Nothing comes before the result of session.open: until then there is nobody to speak to, but for the service that
/// lets the client in and greets it at once.
void state::say(const codecs::push& what) {
  if (!keep.opening) return keep.client->push(what);
  const bool greets = !keep.opening->channel.empty() && keep.opening->held.size() < limits::opening_pushes_max;
  greets ? keep.opening->held.push_back(what) : ctx.meters.push_dropped();
}

void state::put(const ask& m) {
  if (keep.opening) {
    ctx.meters.client_request(request_end::unavailable);
    return runtime::promise<ask>{self}.deliver(not_connected());
  }
  if (!asked) asked = std::make_unique<questions>(self, ctx);
  asked->put(*keep.client, m);
}

void state::end_by(const disconnect& m) {
  runtime::tell(keep.connection, connection::close{codecs::close_codes::kicked, codecs::close_text(m.reason), m.how});
  if (m.how != farewell::none) leave_and_end("it was disconnected by a behaviour or service");
}

void state::register_again(const readopt& m) {
  const auto& relay = ctx.shards[opts.shard].relay;
  switch (m.what) {
    case registry::relay:
      runtime::tell(relay, relay::readopt{keep.rooms->all(), m.life});
      if (keep.client && !keep.opening) runtime::tell(relay, relay::feed{keep.rooms->all()});
      return;
    case registry::queue: return letters.register_again();
    case registry::presence: return presence.register_again(m.shard);
  }
}

void state::prove(std::uint64_t ping) {
  if (keep.stored.previous_token) {
    if (ping == token_ping)
      keep.stored.previous_token.reset(), keep.unstored = true;
    else if (ping > token_ping)  // it was overtaken, could not be sent, or an earlier life sent it
      token_ping = keep.client->ping_in_order();
  }
  if (keep.stored_in != ctx.disk.generation()) keep.unstored = true;
  if (resumable() && (take_stock() || keep.unstored)) save();  // of an idle session there is nothing to write
}

void state::save(std::function<void(storage::errc)> then) {
  if (!resumable() || keep.rooms->closed())  // closed: somebody else has taken it from here
    return then(storage::errc::success);
  take_stock();
  keep.unstored = false;
  keep.stored_in = ctx.disk.generation();
  store_writer::write_one(self, ctx, storage::session_put{keep.stored},
                          [this, then = std::move(then)](const storage::outcome& done) {
                            if (!done.ok()) keep.unstored = true;
                            then(done.error);
                          });
}

/// What is to be stored of the session as it is now. True: it has changed.
bool state::take_stock() {
  storage::stored_presence shown;
  if (const auto& words = keep.words)
    shown = {.status = words->status,
             .location = words->location,
             .meta = words->meta ? std::string{words->meta->as(codecs::format::msgpack)} : std::string{},
             .stamp = words->stamp};
  std::tuple now{keep.rooms->to_stored(), std::move(shown), keep.rooms->watched.users()};
  auto was = std::tie(keep.stored.rooms, keep.stored.shown, keep.stored.watched);
  const bool changed = was != now;
  was = std::move(now);
  return changed;
}

// --- detached

void state::refuse_questions() {
  if (asked) asked->refuse_all();
}

void state::lose_connection() {
  letters.end();
  refuse_questions();
  presence.rest();
  keep.client.reset();
  keep.inbox_sent = keep.inbox_acked = 0;
  token_ping = 0;
  if (!resumable()) return leave_and_end("its connection ended, and it cannot be resumed");
  runtime::tell(ctx.shards[opts.shard].relay, relay::detach{keep.rooms->all()});
  keep.stored.deadline_ms = ctx.now_ms() + keep.stored.window_ms;
  save();
  runtime::tell(ctx.sessions, session_directory::detached{opts.id});
  self->become(detached());
}

caf::behavior state::detached() {
  const auto left = std::max<std::int64_t>(0, keep.stored.deadline_ms - ctx.now_ms());
  self->later(std::chrono::milliseconds{left}, expire{++detachments});
  static const caf::behavior handlers = detached_handlers();
  return handlers;
}

caf::message_handler state::detached_handlers() {
  static const auto handlers =
      runtime::shared_behavior<state, options, caf::message_handler>(
          [](state&, const connection_lost&) {}, [](state& my, const hand_over& m) { return my.give_up_state(m); },
          [](state&, const close& m) { m.reply(codecs::make_error(error_code::conflict)); },
          [](state& my, const expire& m) {
            if (m.detachment == 0) return my.leave_and_end("too many sessions wait for their clients");
            if (m.detachment == my.detachments) my.leave_and_end("nobody resumed it in time");
          },
          [](state&, const proven&) {}, [](state&, const rooms_changed&) {}, [](state&, const save_now&) {},
          [](state& my, const readopt& m) { my.register_again(m); },
          [](state&, const set_presence& m) { m.reply(codecs::make_error(error_code::conflict)); },
          [](state&, const watch& m) { m.reply(codecs::make_error(error_code::conflict)); },
          [](state&, const unwatch& m) { m.reply(codecs::make_error(error_code::conflict)); },
          [](state&, const seen&) {}, [](state&, const send_late&) {}, [](state&, const ask_again&) {},
          [](state&, const notice&) {}, [](state& my, const push&) { my.ctx.meters.push_dropped(); },
          [](state&, const after_pushes& m) { m.what(); },
          [](state& my, const ask&) {
            my.ctx.meters.client_request(request_end::unavailable);
            return not_connected();
          },
          [](state& my, const answered&) { my.ctx.meters.client_request(request_end::late); },
          [](state&, const look&) {}, [](state& my, const permitted& m) { my.keep.shown = m.shown; },
          [](state& my, const disconnect& m) {
            if (m.how != farewell::none) my.leave_and_end("it was disconnected by a behaviour or service");
          })
          .or_else(session_inbox::refusing())
          .or_else(session_channels::refusing());
  return handlers;
}

/// The state goes to the shard of the new connection; what is left here ends.
hand_over::reply state::give_up_state(const hand_over& m) {
  if (!opens(keep.stored, m.token)) return {};
  if (keep.client) {
    runtime::tell(keep.connection, connection::close{codecs::close_codes::session_replaced});
    letters.end();
    refuse_questions();
  }
  presence.move();
  save();
  runtime::tell(ctx.shards[opts.shard].relay, relay::detach{keep.rooms->close()});
  keep.client.reset();
  self->quit();
  keep.rooms->watched.connection_lost();
  return {true, keep.stored, keep.rooms->watched, keep.rooms->channels};
}

/// The store hears of the end before who comes to resume does: that waits until it is known.
void state::leave_and_end(std::string_view why) {
  channels.end();
  if (keep.client) letters.end();
  refuse_questions();
  keep.client.reset();
  runtime::tell(ctx.shards[opts.shard].relay, relay::forsake{keep.rooms});  // its rooms are left at once
  if (!resumable()) return end(why);
  self->become(ending());
  auto erased = [this, why](const storage::outcome&) { end(why); };  // one that could not be erased is swept later
  store_writer::write_one(self, ctx, storage::session_erase{opts.id.value}, std::move(erased));
}

caf::behavior state::ending() {
  static const caf::behavior handlers =
      runtime::shared_behavior<state, options, caf::message_handler>(
          [](state&, const hand_over&) -> caf::result<hand_over::reply> { return caf::skip(); },
          [](state&, const expire&) {}, [](state&, const disconnect&) {})
          .or_else(detached_handlers());
  return handlers;
}

void state::end(std::string_view why) {
  runtime::tell(ctx.sessions, session_directory::ended{opts.id, why});
  self->quit();
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, std::move(opts)); }

}  // namespace greenroom::session
