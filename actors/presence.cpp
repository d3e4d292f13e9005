#include "actors/presence.hpp"

#include <caf/message_handler.hpp>
#include <optional>
#include <unordered_map>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/session.hpp"
#include "actors/session_directory.hpp"

namespace greenroom::presence {
namespace {

namespace results = codecs::results;

struct grow_up {};   ///< To itself: a session that has not registered again by now is not waited for.
struct tell {};      ///< To itself: changes have been gathered for long enough.
struct lost_track {  ///< To itself: nobody has gone on with a session that was to move.
  user_id user;
  session_id session;
  caf::actor_id actor = 0;
};

}  // namespace
}  // namespace greenroom::presence

GREENROOM_MESSAGE(greenroom::presence::grow_up)
GREENROOM_MESSAGE(greenroom::presence::tell)
GREENROOM_MESSAGE(greenroom::presence::lost_track)

namespace greenroom::presence {

std::size_t shard_of(std::string_view user, std::size_t shards) { return std::hash<std::string_view>{}(user) % shards; }

change::change(std::string who, results::presence_state state)
    : user{std::move(who)}, digest{digest_of(state)}, push{codecs::pushes::presence_changed{user, std::move(state)}} {}

const results::presence_state& change::now() const {
  return std::get<codecs::pushes::presence_changed>(push.what()).now;
}

struct state {
  static inline const char* name = "presence";
  state(runtime::actor_base* s, const options& o)
      : self{s}, opts{o}, ctx{o.ctx}, table{*o.away, o.ctx.config.presence.watchers_max} {
    self->set_down_handler([this](const caf::down_msg& m) { forget(m.source.id()); });
  }
  ~state() {
    table.depart_all(ctx.now_ms());
    ctx.meters.users_online -= counted_online;
    ctx.meters.watches -= counted_watches;
    ctx.meters.last_seen_forgotten(opts.away->forgotten() - counted_forgotten);
  }
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  /// An actor that speaks for a session, that watches, or both: monitored once.
  struct party {
    caf::actor who;
    std::optional<session_id> session;
    user_id user;              ///< of `session`
    bool called_back = false;  ///< it has registered because it was asked to
  };
  /// Who speaks for a session.
  struct speaker {
    caf::actor_id actor = 0;
    bool moving = false;
  };

  caf::behavior start();
  caf::message_handler registrations();
  caf::behavior recollecting();
  caf::behavior open();
  void take(const track& m);
  void let_move(const moving& m);
  watch::reply add(const watch& m);
  void answer(const look& m);
  void answer(const list& m);
  void forget(caf::actor_id who);
  void lose(const user_id& user, const session_id& session);
  void send_changes();
  void changed();
  void grown_up();
  party& party_of(const caf::actor& who);
  void count();

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  presence_table table;
  std::unordered_map<caf::actor_id, party> parties;
  std::unordered_map<session_id, speaker> speakers;
  bool telling = false;                   ///< the timer runs
  bool young = self->life() > 0;          ///< its sessions have not all come back
  std::uint64_t registered = 0;           ///< those that have, …
  std::optional<std::uint64_t> expected;  ///< … and all of them; none: not known yet
  std::size_t counted_online = 0, counted_watches = 0;
  std::uint64_t counted_forgotten = opts.away->forgotten();
};

caf::behavior state::start() {
  if (!young) return open();
  runtime::ask(self, ctx.sessions, limits::ask_timeout,
               session_directory::recollect{session::registry::presence, opts.shard})
      .then(
          [this](const session_directory::recollect::reply& r) {
            expected = r.sessions;
            if (registered >= *expected) grown_up();
          },
          [this](const caf::error&) { grown_up(); });
  self->later(limits::recollection, grow_up{});
  return recollecting();
}

/// What is taken at any age.
caf::message_handler state::registrations() {
  return {
      [this](const track& m) { take(m); },
      [this](const moving& m) { let_move(m); },
      [this](const lost_track& m) {
        auto found = speakers.find(m.session);
        if (found != speakers.end() && found->second.actor == m.actor) lose(m.user, m.session);
      },
  };
}

/// Told too early, watchers would see everybody go and come again.
caf::behavior state::recollecting() {
  return registrations().or_else([](const watch&) -> caf::result<watch::reply> { return caf::skip(); },
                                 [](const unwatch&) { return caf::skip(); }, [](const rest&) { return caf::skip(); },
                                 [](const look&) { return caf::skip(); }, [](const list&) { return caf::skip(); },
                                 [this](const grow_up&) { grown_up(); });
}

void state::grown_up() {
  if (std::exchange(young, false)) self->become(open());
}

caf::behavior state::open() {
  return registrations().or_else([this](const watch& m) { return add(m); },
                                 [this](const unwatch& m) {
                                   for (const auto& user : m.users) table.unwatch(m.who.id(), user);
                                   count();
                                 },
                                 [this](const rest& m) {
                                   table.forget(m.who.id());
                                   count();
                                 },
                                 [this](const look& m) { answer(m); }, [this](const list& m) { answer(m); },
                                 [this](const tell&) { send_changes(); }, [](const grow_up&) {});
}

// --- sessions

state::party& state::party_of(const caf::actor& who) {
  auto [found, fresh] = parties.try_emplace(who.id());
  if (fresh) {
    found->second.who = who;
    self->monitor(who);
  }
  return found->second;
}

void state::take(const track& m) {
  auto& by = party_of(m.actor);
  if (m.why == registration::again && !std::exchange(by.called_back, true)) ++registered;
  by.session = m.session;
  by.user = m.user;
  speakers[m.session] = {m.actor.id(), false};
  table.arrive(m.user, m.session, m.words, ctx.now_ms());
  m.reply(codecs::result{results::nothing{}});
  changed();
  if (young && expected && registered >= *expected) grown_up();
}

void state::let_move(const moving& m) {
  auto found = speakers.find(m.session);
  if (found == speakers.end() || found->second.actor != m.actor.id()) return;
  found->second.moving = true;
  self->later(limits::hand_over, lost_track{m.user, m.session, m.actor.id()});
}

/// An actor has ended, whatever it was here.
void state::forget(caf::actor_id who) {
  auto found = parties.find(who);
  if (found == parties.end()) return;
  const auto gone = std::move(found->second);
  parties.erase(found);
  table.forget(who);
  if (gone.session) {
    auto speaks = speakers.find(*gone.session);
    if (speaks != speakers.end() && speaks->second.actor == who && !speaks->second.moving)
      lose(gone.user, *gone.session);
  }
  changed();
}

void state::lose(const user_id& user, const session_id& session) {
  speakers.erase(session);
  table.depart(user, session, ctx.now_ms());
  changed();
}

// --- questions

watch::reply state::add(const watch& m) {
  const auto me = party_of(m.who).who.id();
  watch::reply told{.accepted = true, .now = {}};
  for (const auto& user : m.users)
    if (!table.watch(me, user)) {
      told.accepted = false;
      ctx.meters.watch_refused();
      break;
    }
  if (told.accepted)
    for (const auto& user : m.users)
      told.now.push_back(std::make_shared<const change>(user, table.state_of(user, ctx.now_ms())));
  count();
  return told;
}

void state::answer(const look& m) {
  auto next = m;
  for (const auto& user : m.users)
    if (shard_of(user, ctx.shards.size()) == opts.shard)
      next.found.users.emplace_back(user, table.state_of(user, ctx.now_ms()));
  if (opts.shard + 1 < ctx.shards.size())
    runtime::tell(self, ctx.shards[opts.shard + 1].presence, std::move(next));
  else
    m.reply(codecs::result{std::move(next.found)});
}

void state::answer(const list& m) {
  auto next = m;
  table.page(m.what.after, m.what.limit + std::size_t{1}, next.found);  // one more says that there is a next page
  if (opts.shard + 1 < ctx.shards.size())
    return runtime::tell(self, ctx.shards[opts.shard + 1].presence, std::move(next));
  auto& page = next.found;
  if (page.users.size() > m.what.limit) {
    page.users.resize(m.what.limit);
    page.next = page.users.back();
  }
  m.reply(codecs::result{std::move(page)});
}

// --- watchers

void state::changed() {
  count();
  if (young || telling || !table.has_changes()) return;
  telling = true;
  self->later(std::chrono::milliseconds{ctx.config.presence.interval_ms}, tell{});
}

void state::send_changes() {
  telling = false;
  std::unordered_map<watcher_id, std::vector<change_ptr>> batches;
  for (auto& each : table.take(ctx.now_ms())) {
    auto one = std::make_shared<const change>(std::move(each.user), std::move(each.now));
    for (auto watcher : each.watchers) batches[watcher].push_back(one);
    ctx.meters.presence_changed();
  }
  for (auto& [watcher, batch] : batches)
    if (auto to = parties.find(watcher); to != parties.end())
      runtime::tell(self, to->second.who, session::seen{std::move(batch)});
}

/// What there is now, for the gauges.
void state::count() {
  ctx.meters.users_online += table.online() - std::exchange(counted_online, table.online());
  ctx.meters.watches += table.watches() - std::exchange(counted_watches, table.watches());
  const auto forgotten = opts.away->forgotten();
  ctx.meters.last_seen_forgotten(forgotten - std::exchange(counted_forgotten, forgotten));
}

caf::actor spawn(const runtime::place& where, options opts) {
  const auto& ctx = opts.ctx;
  if (!opts.away)
    opts.away =
        std::make_shared<last_seen>(std::max<std::size_t>(1, ctx.config.presence.offline_max / ctx.shards.size()));
  return runtime::spawn<state>(where, std::move(opts));
}

}  // namespace greenroom::presence
