#include "actors/session_directory.hpp"

#include <algorithm>
#include <list>
#include <optional>
#include <random>
#include <unordered_map>
#include <vector>

#include "actors/audit_trail.hpp"
#include "actors/connection.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"
#include "actors/presence.hpp"
#include "actors/pressure.hpp"
#include "actors/relay.hpp"
#include "actors/revocations.hpp"
#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "runtime/dynamic_children.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"
#include "runtime/secret.hpp"
#include "storage/store.hpp"

namespace greenroom::session_directory {
namespace {

using codecs::error_code;

constexpr std::size_t id_random_bytes = 11;  ///< 15 characters, which a std::string holds in place
constexpr std::uint32_t resume_attempts_max = 3;

}  // namespace

struct state {
  static inline const char* name = "session_directory";
  state(runtime::actor_base* s, const options& o)
      : self{s},
        ctx{o.ctx},
        children{s,
                 {.id = "sessions",
                  .restart = runtime::restart::transient,
                  .gave_up = [this](const caf::actor& who, const caf::error& why) { gave_up(who, why); },
                  .ended =
                      [this](const caf::actor_addr& who, const caf::error& why) {
                        if (why) forget(who.id());
                      }}} {}
  ~state() {
    for (const auto& [id, one] : sessions) {
      if (one.connection) runtime::tell(one.connection, connection::session_lost{});
      if (ctx.at.load(std::memory_order_relaxed) != stage::draining) forsake(one);
    }
    ctx.meters.sessions -= sessions.size();
    ctx.meters.detached_sessions -= away.size();
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  /// The rooms of a session, for the relay of their shard; not looked into here.
  struct estate {
    std::size_t shard = 0;
    std::shared_ptr<memberships> rooms;
  };
  /// What a session has from its life in another actor, beside what is stored.
  struct inheritance {
    estate before;
    watches watched;
    std::vector<std::string> channels{};
  };
  struct entry {
    caf::actor who;
    user_id user;
    identity kind = identity::anonymous;
    std::size_t shard = 0;
    std::shared_ptr<const credential> shown;  ///< what its client came with last; null: nothing
    caf::actor connection;                    ///< null while detached
    estate rooms;
    std::unique_ptr<estate> before;                       ///< until the last hand-over; null without one
    std::optional<std::list<session_id>::iterator> away;  ///< its place among the detached
  };
  using table = std::unordered_map<session_id, entry>;

  caf::behavior start();
  void answer_open(const open& m);
  caf::behavior words_to_clients();
  caf::result<ask_client::reply> forward(const ask_client& m);
  caf::result<move_member::reply> forward(const move_member& m);
  recollect::reply call_back(const recollect& m);
  void send_away(const open& m);
  void turn_away(const open& m);
  bool is_over(const open& m, const storage::stored_session& stored);
  look_for_revoked::reply end_revoked();
  std::shared_ptr<void> take_place();
  void resume(const open& m);
  void wake(const open& m, std::optional<storage::stored_session> stored);
  void build(const open& m, storage::stored_session stored, inheritance came);
  void open_fresh(const open& m, std::string reason);
  void spawn_session(const open& m, storage::stored_session stored, session::opening opening, inheritance came);
  void note_detached(const session_id& id);
  void expire_early(entry& one);
  void shed_guests();
  void note_attached(entry& one);
  void erase(table::iterator which);
  void forsake(const entry& one);
  void forget(caf::actor_id who);
  void gave_up(const caf::actor& who, const caf::error& why);

  runtime::actor_base* self;
  context& ctx;
  runtime::dynamic_children children;
  std::minstd_rand jitter{std::random_device{}()};
  table sessions;
  std::list<session_id> away;                                       ///< detached sessions, the oldest first
  std::unordered_map<user_id, std::list<session_id>> away_of_user;  ///< the same by user
};

caf::behavior state::start() {
  return children.handlers()
      .or_else([this](const open& m) { answer_open(m); }, [this](const detached& m) { note_detached(m.id); },
               [this](const ended& m) {
                 auto found = sessions.find(m.id);
                 if (found == sessions.end()) return;
                 audit_trail::session_ended(ctx, m.id, found->second.user, m.why);
                 erase(found);
               },
               [this](const refreshed& m) {
                 if (auto found = sessions.find(m.id); found != sessions.end()) found->second.shown = m.shown;
               },
               [this](const look_for_revoked&) { return end_revoked(); },
               [this](const session_directory::shed_guests&) { shed_guests(); },
               [this](const announce& m) {
                 for (const auto& [id, one] : sessions) runtime::tell(self, one.who, session::notice{m.code, m.text});
                 return announce::reply{sessions.size()};
               },
               [this](const recollect& m) { return call_back(m); })
      .or_else(words_to_clients());
}

/// The relay of a shard has the shard's sessions, the other registries those of their users; but whom a session watches
/// may be anywhere.
recollect::reply state::call_back(const recollect& m) {
  recollect::reply told;
  for (const auto& [id, one] : sessions) {
    const auto where = m.what == session::registry::relay
                           ? one.shard
                           : presence::shard_of(one.user.value, ctx.shards.size());  // a queue's users, too
    if (where == m.shard) ++told.sessions;
    if (where == m.shard || m.what == session::registry::presence)
      runtime::tell(self, one.who, session::readopt{m.what, m.shard, m.life});
  }
  return told;
}

caf::behavior state::words_to_clients() {
  return {
      [this](const push_to& m) {
        auto found = sessions.find(m.id);
        if (found == sessions.end()) return ctx.meters.push_dropped();
        runtime::tell(self, found->second.who, session::push{m.what});
      },
      [this](const after_pushes& m) {
        auto found = sessions.find(m.id);
        if (found == sessions.end()) return m.what();
        runtime::tell(self, found->second.who, session::after_pushes{m.what});
      },
      [this](const ask_client& m) { return forward(m); },
      [this](const disconnect& m) {
        if (auto found = sessions.find(m.id); found != sessions.end())
          runtime::tell(self, found->second.who, session::disconnect{m.reason, m.how});
      },
      [this](const move_member& m) { return forward(m); },
  };
}

/// The session answers the asker itself.
caf::result<ask_client::reply> state::forward(const ask_client& m) {
  auto found = sessions.find(m.id);
  if (found == sessions.end()) {
    ctx.meters.client_request(request_end::unavailable);
    return ask_client::reply{codecs::make_error(error_code::unavailable, "the session is not there")};
  }
  auto owed = self->make_response_promise<ask_client::reply>();
  owed.delegate(found->second.who, session::ask{m.method, m.params, m.limit});
  return owed;
}

caf::result<move_member::reply> state::forward(const move_member& m) {
  auto found = sessions.find(m.id);
  if (found == sessions.end())
    return move_member::reply{codecs::make_error(error_code::unavailable, "the session is not there")};
  auto owed = self->make_response_promise<move_member::reply>();
  owed.delegate(found->second.who, session::move_member{m.room, m.where});
  return owed;
}

void state::answer_open(const open& m) {
  if (ctx.at.load(std::memory_order_relaxed) == stage::draining) {
    m.reply(codecs::make_error(error_code::draining));
    return runtime::tell(self, m.connection, connection::refused{error_code::draining});
  }
  if (ctx.sessions_opening.load(std::memory_order_relaxed) >= limits::sessions_opening_max) return send_away(m);
  if (is_revoked(ctx, m.who)) return turn_away(m);
  if (m.what.resume)
    resume(m);
  else
    open_fresh(m, {});
}

/// A crowd that comes at once: who finds no place comes again when it pleases chance.
void state::send_away(const open& m) {
  auto why = codecs::make_error(error_code::rate_limited, "too many sessions open at once");
  why.retry_after_ms = limits::opening_retry_min_ms + jitter() % limits::opening_retry_spread_ms;
  m.reply(std::move(why));
  runtime::tell(self, m.connection, connection::refused{error_code::rate_limited});
}

/// What it came with was revoked while it was on its way.
void state::turn_away(const open& m) {
  m.reply(codecs::make_error(error_code::unauthenticated, "the token is not accepted"));
  runtime::tell(self, m.connection, connection::refused{error_code::unauthenticated});
}

/// Whether a session that was found for a resume ended when something was revoked. It goes, then.
bool state::is_over(const open& m, const storage::stored_session& stored) {
  const bool itself = ctx.revoked && ctx.revoked->ends(stored, ctx.now_ms());
  const bool caller = is_revoked(ctx, m.who);
  if (!itself && !caller) return false;
  if (auto old = sessions.find(session_id{stored.id}); old != sessions.end()) {
    forsake(old->second);
    erase(old);
  }
  store_writer::post(self, ctx, storage::session_erase{stored.id});
  caller ? turn_away(m) : open_fresh(m, "unknown_session");
  return true;
}

look_for_revoked::reply state::end_revoked() {
  look_for_revoked::reply told;
  for (const auto& [id, one] : sessions) {
    const bool named = ctx.revoked && ctx.revoked->ends(id.value, ctx.now_ms());
    if (!named && !is_revoked(ctx, {.user = one.user, .kind = one.kind, .shown = one.shown})) continue;
    runtime::tell(self, one.who,
                  session::disconnect{std::string{codecs::close_codes::revoked.reason}, farewell::session});
    ++told.sessions;
  }
  return told;
}

/// One of the places of those that open at a time; free when the result is written, or nobody waits for it.
std::shared_ptr<void> state::take_place() {
  ctx.sessions_opening.fetch_add(1, std::memory_order_relaxed);
  return {nullptr, [&ctx = ctx](void*) { ctx.sessions_opening.fetch_sub(1, std::memory_order_relaxed); }};
}

/// The living session gives its state up; where there is none, the store may have it from before the node's last end.
void state::resume(const open& m) {
  const auto& wanted = *m.what.resume;
  auto found = sessions.find(session_id{wanted.session});
  if (found == sessions.end()) {
    runtime::ask(self, store_reader::of(ctx, wanted.session), store_reader::find_session{wanted.session})
        .then([this, m](const store_reader::find_session::reply& r) { wake(m, r.session); },
              [this, m](const caf::error&) { open_fresh(m, "unavailable"); });
    return;
  }
  runtime::ask(self, found->second.who, limits::ask_timeout, session::hand_over{wanted.token})
      .then(
          [this, m](const session::hand_over::reply& r) {
            if (!r.accepted) return open_fresh(m, "bad_token");
            build(m, r.stored, {.before = {}, .watched = r.watched, .channels = r.channels});
          },
          [this, m](const caf::error&) {  // it ended, or moved, while we asked: look again
            auto again = m;
            if (++again.attempt >= resume_attempts_max) return open_fresh(again, "unavailable");
            runtime::tell(self, caf::actor{self}, std::move(again));
          });
}

/// From before the node's last end. Meanwhile it may have come back on another connection.
void state::wake(const open& m, std::optional<storage::stored_session> stored) {
  const auto& wanted = *m.what.resume;
  if (sessions.contains(session_id{wanted.session})) return resume(m);
  if (!stored || (stored->deadline_ms != 0 && stored->deadline_ms <= ctx.now_ms()))
    return open_fresh(m, "unknown_session");
  if (!session::opens(*stored, wanted.token)) return open_fresh(m, "bad_token");
  // What the client was told since it was stored, the store does not know: it is told everything again.
  watches watched;
  for (const auto& user : stored->watched) watched.add(user);
  build(m, std::move(*stored), {.before = {}, .watched = std::move(watched)});
}

void state::build(const open& m, storage::stored_session stored, inheritance came) {
  const bool same_subject =
      m.who.kind == stored.kind &&
      (stored.kind == identity::anonymous ? access::may_come_back(ctx, stored.user) : stored.user == m.who.user.value);
  if (!same_subject) return open_fresh(m, "other_user");
  if (is_over(m, stored)) return;
  if (auto old = sessions.find(session_id{stored.id}); old != sessions.end()) {
    came.before = std::move(old->second.rooms);
    erase(old);
  }
  session::opening opening{.reply = m.reply,
                           .resumed = true,
                           .reason = {},
                           .positions = m.what.resume->positions,
                           .presented = m.what.resume->token};
  if (m.what.keeps_token) opening.token = opening.presented;
  spawn_session(m, std::move(stored), std::move(opening), std::move(came));
}

void state::open_fresh(const open& m, std::string reason) {
  storage::stored_session fresh{};
  do fresh.id = runtime::random_text(id_random_bytes);
  while (fresh.id.starts_with('-'));  // `greenroom revoke session` would take it for an option
  fresh.user = m.who.user.value;
  fresh.kind = m.who.kind;
  fresh.created_ms = ctx.now_ms();
  if (m.wish == wish::explicit_session)
    fresh.window_ms = m.what.window_ms.value_or(ctx.config.sessions.resume_window_ms);
  spawn_session(m, std::move(fresh), {.reply = m.reply, .resumed = false, .reason = std::move(reason), .positions = {}},
                {});
}

void state::spawn_session(const open& m, storage::stored_session stored, session::opening opening, inheritance came) {
  const session_id id{stored.id};
  const auto shard = m.client->shard();
  auto keep = std::make_shared<session::record>();
  const principal who{user_id{stored.user}, stored.kind};
  keep->stored = std::move(stored);
  keep->rooms = std::make_shared<memberships>(ctx.config.sessions.rooms_max);
  keep->rooms->watched = std::move(came.watched);
  keep->rooms->channels = std::move(came.channels);
  keep->shown = m.who.shown;
  keep->words = session::words_of(keep->stored.shown);
  keep->client = m.client;
  keep->connection = m.connection;
  keep->opening = std::make_unique<session::opening>(std::move(opening));
  keep->takes_inbox = m.what.takes_inbox;
  keep->opening->place = take_place();
  keep->opening->keeps_token = m.what.keeps_token;
  keep->opening->channel = m.what.channel;
  keep->opening->payload = m.what.payload;
  auto actor = children.start([&](runtime::place p) {
    p.home = ctx.shards[shard].home;
    return session::spawn(p, {.ctx = ctx, .id = id, .who = who, .shard = shard, .keep = keep});
  });
  entry one{.who = std::move(actor),
            .user = who.user,
            .kind = who.kind,
            .shard = shard,
            .shown = m.who.shown,
            .connection = m.connection,
            .rooms = {shard, keep->rooms},
            .before = came.before.rooms ? std::make_unique<estate>(std::move(came.before)) : nullptr,
            .away = {}};
  if (!one.who) {
    forsake(one);
    return runtime::tell(self, m.connection, connection::session_lost{});
  }
  sessions.insert_or_assign(id, std::move(one));
  ++ctx.meters.sessions;
}

/// Bounds the detached: the oldest of the user, and of the node, expire.
void state::note_detached(const session_id& id) {
  auto found = sessions.find(id);
  if (found == sessions.end() || found->second.away) return;
  auto& one = found->second;
  one.connection = nullptr;
  one.away = away.insert(away.end(), id);
  ++ctx.meters.detached_sessions;
  auto& of_user = away_of_user[one.user];
  of_user.push_back(id);
  if (of_user.size() > ctx.config.sessions.detached_per_user_max) expire_early(sessions.at(of_user.front()));
  if (away.size() > ctx.config.sessions.detached_max) expire_early(sessions.at(away.front()));
}

void state::expire_early(entry& one) {
  ctx.meters.session_expired_early();
  runtime::tell(self, one.who, session::expire{});
  note_attached(one);  // counted no more, however long it takes to end
}

void state::shed_guests() {
  std::vector<entry*> guests;
  std::size_t looks = 0;
  for (auto each = away.begin(); each != away.end() && looks != limits::guests_looked_at_max; ++each, ++looks)
    if (auto& one = sessions.at(*each); one.kind == identity::anonymous) guests.push_back(&one);
  for (auto* one : guests) expire_early(*one);
  if (ctx.pressure) ctx.pressure->gave_up(shed::idle, guests.size());
}

void state::note_attached(entry& one) {
  if (!one.away) return;
  auto of_user = away_of_user.find(one.user);
  of_user->second.remove(**one.away);
  if (of_user->second.empty()) away_of_user.erase(of_user);
  away.erase(*one.away);
  one.away.reset();
  --ctx.meters.detached_sessions;
}

void state::erase(table::iterator which) {
  note_attached(which->second);
  sessions.erase(which);
  --ctx.meters.sessions;
}

/// A session has ended without a word: what it was in is left, also where it had just moved away from. (It had asked
/// each of those rooms again before it could hand itself over once more: one move back is enough.)
void state::forsake(const entry& one) {
  for (const auto* each : std::initializer_list<const estate*>{&one.rooms, one.before.get()})
    if (each && each->rooms) runtime::tell(ctx.shards[each->shard].relay, relay::forsake{each->rooms});
}

/// A session that was killed; rare, so that a search will do.
void state::forget(caf::actor_id who) {
  auto found =
      std::find_if(sessions.begin(), sessions.end(), [who](const auto& s) { return s.second.who.id() == who; });
  if (found == sessions.end()) return;
  if (found->second.connection) runtime::tell(found->second.connection, connection::session_lost{});
  forsake(found->second);
  audit_trail::session_ended(ctx, found->first, found->second.user, "it crashed, or was killed");
  erase(found);
}

void state::gave_up(const caf::actor& who, const caf::error& why) {
  runtime::log::error("a session was given up", {{"reason", runtime::explain(why)}});
  forget(who.id());
}

codecs::error explain(const caf::error& why) {
  if (why == caf::sec::request_timeout)
    return codecs::make_error(error_code::timed_out, "the client did not answer in time");
  if (why == runtime::errc::crashed) return codecs::make_error(error_code::internal, "the client's answer was lost");
  return codecs::make_error(error_code::unavailable, "the client is not connected");
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::session_directory
