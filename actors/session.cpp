#include "actors/session.hpp"

#include <algorithm>
#include <functional>
#include <map>

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
  caf::message_handler detached_handlers();

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
  void save();
  void save(std::function<void(storage::errc)> then);
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
  std::vector<results::room_state> resumed;  ///< the rooms that have answered
  std::size_t rooms_asked = 0;
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
  if (rooms_asked == 0) answer_open();
}

void state::resume_room(const std::string& room, codecs::position from, const std::string& joined_epoch,
                        const storage::stored_membership* was) {
  auto refuse = [&](std::string reason) {
    resumed.push_back({.room = room, .epoch = {}, .seq = 0, .recovered = false, .reason = std::move(reason)});
  };
  if (!rights.lets_in(room)) return refuse("forbidden");
  auto one = new_member(ctx, room, holder(opts), opts.id, keep.client);
  if (was) one->who.since_ms = was->since_ms;
  if (was && !was->presence.empty())
    one->who.presence = std::make_shared<const codecs::payload>(codecs::format::msgpack, was->presence);
  one->epoch = from.epoch.empty() ? joined_epoch : from.epoch;
  one->position = one->proven = from.seq;
  if (!keep.rooms->add(one)) return refuse("too_many_rooms");
  ++rooms_asked;
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
  resumed.push_back(std::move(what));
  if (--rooms_asked == 0) answer_open();
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
                                 .rooms = std::move(resumed),
                                 .limits = {},
                                 .heartbeat = {},
                                 .time_ms = ctx.now_ms()};
  const auto& gateway = ctx.config.gateway;
  result.limits = {gateway.message_bytes_max, ctx.config.sessions.rooms_max, limits::calls_in_flight_max};
  result.heartbeat = {gateway.ping_interval_ms, gateway.pong_timeout_ms};
  result.resume_token = keep.opening->token;
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
  return {
      [this](const connection_lost& m) {
        if (m.client == keep.client) lose_connection();
      },
      [this](const hand_over& m) { return give_up_state(m); },
      [this](const close& m) {
        m.reply(codecs::result{results::nothing{}});
        runtime::tell(keep.connection, connection::close{codecs::close_codes::closed});
        leave_and_end("its client closed it");
      },
      [](const expire&) {},
      [this](const proven& m) { prove(m.ping); },
      [this](const rooms_changed&) {
        if (resumable() && !std::exchange(saving, true)) self->later(std::chrono::seconds{1}, save_now{});
      },
      [this](const save_now&) {
        saving = false;
        save();
      },
      [this](const readopt& m) { register_again(m); },
      [this](const set_presence& m) { presence.set(m); },
      [this](const watch& m) { presence.watch(m); },
      [this](const unwatch& m) { presence.unwatch(m); },
      [this](const seen& m) { presence.hear(m); },
      [this](const send_late&) { presence.send_late(); },
      [this](const ask_again& m) { presence.ask_again(m.shard); },
      [this](const notice& m) {
        keep.client->push(codecs::pushes::session_notice{m.code, m.text});
      },
      [this](const push& m) { say(m.what); },
      [](const after_pushes& m) { m.what(); },
      [this](const ask& m) { put(m); },
      [this](const answered& m) {
        if (!asked || m.client != keep.client) return ctx.meters.client_request(request_end::late);
        asked->settle(m.number, m.what);
      },
      [this](const look&) {
        if (asked) asked->on_look();
      },
      [this](const disconnect& m) { end_by(m); },
      [this](const inbox& m) { letters.deliver(m); },
      [this](const inbox_ack& m) { letters.acknowledge(m); },
      [this](const take_inbox& m) { letters.take(m); },
      [this](const inbox_acked& m) { keep.client->push(codecs::pushes::inbox_acked{m.upto}); },
      [this](const open_channel& m) { channels.open(m); },
      [this](const close_channel& m) { channels.close(m); },
      [this](const move_member& m) { channels.move(m); },
      [this](const moved& m) { channels.settle(m); },
      [this](const permitted& m) {
        if (auto unseen = rights.replace(m); !unseen.empty()) presence.unwatch({std::move(unseen), {}});
      },
  };
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
      keep.stored.previous_token.reset();
    else if (ping > token_ping)  // it was overtaken, could not be sent, or an earlier life sent it
      token_ping = keep.client->ping_in_order();
  }
  save();  // at most once a ping: positions have been proven, too
}

void state::save() {
  save([](storage::errc) {});
}

void state::save(std::function<void(storage::errc)> then) {
  if (!resumable() || keep.rooms->closed())  // closed: somebody else has taken it from here
    return then(storage::errc::success);
  auto& stored = keep.stored;
  stored.rooms.clear();
  for (const auto& each : keep.rooms->all())
    stored.rooms.push_back({.room = each->room,
                            .seen = {each->epoch, each->proven},  // no epoch: the join is not answered
                            .incarnation = static_cast<std::uint64_t>(each->who.number),
                            .since_ms = each->who.since_ms,
                            .presence = each->who.presence
                                            ? std::string{each->who.presence->as(codecs::format::msgpack)}
                                            : std::string{}});
  stored.shown = {};
  if (const auto& words = keep.words)
    stored.shown = {.status = words->status,
                    .location = words->location,
                    .meta = words->meta ? std::string{words->meta->as(codecs::format::msgpack)} : std::string{},
                    .stamp = words->stamp};
  stored.watched = keep.rooms->watched.users();
  store_writer::write_one(self, ctx, storage::session_put{stored},
                          [then = std::move(then)](const storage::outcome& done) { then(done.error); });
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
  return detached_handlers();
}

caf::message_handler state::detached_handlers() {
  return caf::message_handler{
      [](const connection_lost&) {},
      [this](const hand_over& m) { return give_up_state(m); },
      [](const close& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [this](const expire& m) {
        if (m.detachment == 0) return leave_and_end("too many sessions wait for their clients");
        if (m.detachment == detachments) leave_and_end("nobody resumed it in time");
      },
      [](const proven&) {},
      [](const rooms_changed&) {},
      [](const save_now&) {},
      [this](const readopt& m) { register_again(m); },
      [](const set_presence& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const watch& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const unwatch& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const seen&) {},
      [](const send_late&) {},
      [](const ask_again&) {},
      [](const notice&) {},
      [this](const push&) { ctx.meters.push_dropped(); },
      [](const after_pushes& m) { m.what(); },
      [this](const ask&) {
        ctx.meters.client_request(request_end::unavailable);
        return not_connected();
      },
      [this](const answered&) { ctx.meters.client_request(request_end::late); },
      [](const look&) {},
      [this](const permitted& m) { keep.shown = m.shown; },
      [this](const disconnect& m) {
        if (m.how != farewell::none) leave_and_end("it was disconnected by a behaviour or service");
      },
  }
      .or_else(session_inbox::refusing())
      .or_else(session_channels::refusing());
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
  caf::message_handler all{detached_handlers()};
  return caf::message_handler{
      [](const hand_over&) -> caf::result<hand_over::reply> { return caf::skip(); },
      [](const expire&) {},
      [](const disconnect&) {},
  }
      .or_else(all);
}

void state::end(std::string_view why) {
  runtime::tell(ctx.sessions, session_directory::ended{opts.id, why});
  self->quit();
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, std::move(opts)); }

}  // namespace greenroom::session
