#include "actors/room.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/pass.hpp"
#include "actors/pending_joins.hpp"
#include "actors/refusal.hpp"
#include "actors/relay.hpp"
#include "actors/room_casualties.hpp"
#include "actors/room_directory.hpp"
#include "actors/room_history.hpp"
#include "actors/room_host.hpp"
#include "actors/room_log.hpp"
#include "actors/room_roster.hpp"
#include "actors/room_turn.hpp"
#include "codecs/content_hash.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"
#include "runtime/shard.hpp"

namespace greenroom::room {
namespace {

namespace results = codecs::results;
using codecs::error_code;

struct end_of_turn {};  ///< To itself: everything that was queued before it has been handled.
struct look_around {};  ///< To itself, now and then: is anybody here?
struct try_again {};    ///< To itself: the log may open now.

}  // namespace
}  // namespace greenroom::room

GREENROOM_MESSAGE(greenroom::room::end_of_turn)
GREENROOM_MESSAGE(greenroom::room::look_around)
GREENROOM_MESSAGE(greenroom::room::try_again)

namespace greenroom::room {

struct state final : hosting_room {
  static inline const char* name = "room";
  state(runtime::actor_base* s, const options& o);

  caf::behavior start();
  void dead_letter(const caf::message& cause, const caf::error&) { fallen.fell(cause); }
  caf::behavior opening();
  caf::behavior refusing();
  caf::behavior open();
  caf::message_handler everything_waits() const;
  caf::behavior with_host(caf::message_handler own) const;

  void open_log();
  void make_host(const std::function<void()>& then);
  void ask_relays();
  void show_relays();
  void add(const join& m, const codecs::payload_ptr& said = nullptr);
  void let_in(const join& m, std::uint64_t position, results::joined joined);
  void refuse(const join& m, codecs::error why);
  void take_back(const resume& m, const std::shared_ptr<runtime::promise<resume>>& owed);
  results::room_state add_back(const resume& m);
  resume::reply turn_away(const resume& m, std::string why);
  void forget(const leave& m);
  void erase(std::map<session_id, subscription_ptr>::iterator which, const relay::settled& reply);
  void accept(const publish& m);
  void settle(const publish& m, storage::outcome& stored, bool with_state);
  void await_turn_end();
  void send_turn() { turn.send(self, ctx, members_on); }
  bool may_rest() const;
  void offer_rest();
  void swap(const swap_build& m);
  /// Until the behaviour's open questions are answered everything else waits in its order.
  caf::behavior swapping() const { return with_host(everything_waits()); }

  void enter(const subscription_ptr& who);
  void survey(std::size_t shard, unsigned attempts);
  void repair(std::size_t shard, const relay::survey::reply& known);
  caf::actor relay_of(std::size_t shard) const { return ctx.shards[shard].relay; }

  // hosting_room
  void store(const publish& m, std::optional<storage::idempotency> once, storage::bytes_ptr snapshot) override;
  void recall(const storage::idempotency& once, std::function<void(bool)> then) override { log.recall(once, then); }
  void keep(storage::bytes_ptr snapshot) override { log.keep_snapshot(std::move(snapshot)); }
  void store_at_turn_end() override { await_turn_end(); }
  const std::map<session_id, subscription_ptr>& members() const override { return present; }
  void show(const subscription& who) override { roster.enter(who); }
  room_casualties& casualties() override { return fallen; }
  void remove(const session_id& whom) override {
    if (const auto found = present.find(whom); found != present.end()) erase(found, {});
  }

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  const room_policy& policy;
  room_log log;
  room_history past;
  room_casualties fallen;
  std::map<session_id, subscription_ptr> present;
  std::vector<std::uint32_t> members_on;  ///< by shard
  pending_joins joining;
  room_roster roster;
  room_turn turn;
  bool turn_end_comes = false;         ///< it is in the mailbox
  std::unique_ptr<room_host> host;     ///< null: the room has no behaviour
  std::size_t surveys = 0;             ///< relays that have not answered yet
  bool surveyed = false;               ///< all have, in this life
  runtime::shard::time_point busy_at;  ///< the last message that was for somebody
};

state::state(runtime::actor_base* s, const options& o)
    : self{s},
      opts{o},
      ctx{o.ctx},
      policy{*o.policy},
      log{s, o.ctx, o.id.value, policy, {[this] { send_turn(); }, [this] { self->become(opening()); }}},
      past{log, o.id.value},
      fallen{s, ctx, log},
      members_on(o.ctx.shards.size()),
      roster{s, o.ctx, o.id.value, policy} {
  busy_at = self->clock().now();
}

caf::behavior state::start() {
  self->later(ctx.config.rooms.idle_ttl(), look_around{});
  return opening();
}

// --- opening

/// The log's head, the behaviour with its state, and what the relays have; again, without the relays, where a batch was
/// not stored. Nothing else is handled meanwhile.
caf::behavior state::opening() {
  open_log();
  return everything_waits().or_else(behaviour_host::past_handlers());
}

void state::open_log() {
  log.open([this, told = log.newest()](storage::errc why) {
    if (why != storage::errc::success) {
      if (!log.on_disk()) throw std::runtime_error{"the store does not open the room's log"};
      return self->become(refusing());
    }
    make_host([this, told] {
      if (!surveyed) return ask_relays();
      if (log.newest() != told) show_relays();
      self->become(open());
      if (host) host->start(beginning::restarted);
    });
  });
}

/// What the behaviour had decided and the store has not is forgotten with its object.
void state::make_host(const std::function<void()>& then) {
  host.reset();
  if (policy.behaviour.empty()) return then();
  log.snapshot([this, then](const storage::bytes_ptr& state) {
    auto build = ctx.behaviours.find(policy.behaviour);
    if (!build) throw std::runtime_error{"there is no behaviour named " + policy.behaviour};
    host = std::make_unique<room_host>(self, ctx, *this, opts.id, std::move(build), state);
    then();
  });
}

/// What was stored though nobody knew is fed to the members from the log.
void state::show_relays() {
  for (std::size_t i = 0; i < members_on.size(); ++i)
    if (members_on[i] != 0) runtime::tell(self, relay_of(i), relay::catch_up{opts.id.value, log.epoch(), log.newest()});
}

/// Each relay says whom and what it has, and is told what it should have before any new publish is taken: after a
/// crash of the room or of its directory, and after a rest, nothing else knows the members.
void state::ask_relays() {
  surveys = ctx.shards.size();
  for (std::size_t i = 0; i < ctx.shards.size(); ++i) survey(i, limits::survey_attempts);
}

caf::message_handler state::everything_waits() const {
  return {
      [](const join&) { return caf::skip(); },
      [](const resume&) -> caf::result<resume::reply> { return caf::skip(); },
      [](const try_build&) -> caf::result<try_build::reply> { return caf::skip(); },
      [](const swap_build&) -> caf::result<swap_build::reply> { return caf::skip(); },
      [](const leave&) { return caf::skip(); },
      [](const publish&) { return caf::skip(); },
      [](const history&) { return caf::skip(); },
      [](const room::members&) { return caf::skip(); },
      [](const call_roll&) { return caf::skip(); },
      [](const room_roster::due&) { return caf::skip(); },
      [](const look_around&) { return caf::skip(); },
      [](const rest&) { return caf::skip(); },
      [](const end_of_turn&) { return caf::skip(); },
      [](const try_again&) {},
  };
}

/// The log cannot be opened now: callers are told so, and in a while it is tried again.
caf::behavior state::refusing() {
  self->later(limits::log_retry, try_again{});
  const auto why = refusal(storage::errc::unavailable);
  return caf::message_handler{
      [this, why](const join& m) { refuse(m, why); },
      [this](const resume& m) -> caf::result<resume::reply> { return turn_away(m, "unavailable"); },
      [](const try_build&) -> caf::result<try_build::reply> { return caf::skip(); },
      [](const swap_build&) -> caf::result<swap_build::reply> { return caf::skip(); },
      [this](const leave& m) { forget(m); },
      [why](const publish& m) { m.reply(why); },
      [why](const history& m) { m.reply(why); },
      [why](const room::members& m) { m.reply(why); },
      [](const call_roll&) { return caf::skip(); },
      [](const room_roster::due&) { return caf::skip(); },
      [](const look_around&) { return caf::skip(); },
      [](const rest&) { return caf::skip(); },
      [](const end_of_turn&) { return caf::skip(); },
      [this](const try_again&) { self->become(opening()); },
  }
      .or_else(behaviour_host::past_handlers());
}

/// A relay that crashes with the question is asked again: its members would be no members.
void state::survey(std::size_t shard, unsigned attempts) {
  auto done = [this] {
    if (--surveys != 0) return;
    surveyed = true;
    roster.begin();
    self->become(open());
    if (host) host->start(self->life() == 0 ? beginning::opened : beginning::restarted);
  };
  runtime::ask(self, relay_of(shard), limits::ask_timeout, relay::survey{opts.id.value})
      .then(
          [this, shard, done](const relay::survey::reply& known) {
            repair(shard, known);
            done();
          },
          [this, shard, attempts, done](const caf::error& why) {
            if (why == caf::sec::request_timeout || attempts == 1) return done();
            survey(shard, attempts - 1);
          });
}

void state::repair(std::size_t shard, const relay::survey::reply& known) {
  for (const auto& each : known.members) {
    present[each->who.session] = each;
    ++members_on[shard];
    roster.enter(*each);
  }
  if (known.known && known.epoch == log.epoch() && known.position < log.newest())
    runtime::tell(self, relay_of(shard), relay::catch_up{opts.id.value, log.epoch(), log.newest()});
}

/// The room's own messages, and its behaviour's.
caf::behavior state::with_host(caf::message_handler own) const { return host ? own.or_else(host->handlers()) : own; }

caf::behavior state::open() {
  return with_host({
      [this](const join& m) {
        if (!host || present.contains(m.who->who.session)) return add(m);
        host->join(m.who, m.params,
                   {[this, m](const codecs::payload_ptr& said) { add(m, said); },
                    [this, m](codecs::error why) { refuse(m, std::move(why)); }});
      },
      [this](const resume& m) { take_back(m, std::make_shared<runtime::promise<resume>>(self)); },
      [this](const leave& m) { forget(m); },
      [this](const publish& m) { accept(m); },
      [this](const history& m) {
        past.page(m.what, [reply = m.reply](codecs::outcome what) { reply(std::move(what)); });
      },
      [this](const room::members& m) { m.reply(codecs::result{roster.page(m.what)}); },
      [this](const call_roll&) { roster.call_roll(); },
      [this](const room_roster::due& m) { roster.on_due(m); },
      [this](const end_of_turn&) {
        turn_end_comes = false;
        send_turn();
        if (host) host->keep_state();
        log.flush();
      },
      [this](const room::try_build& m) {
        return room::try_build::reply{host ? host->try_build(*m.build).value_or("") : ""};
      },
      [this](const swap_build& m) { swap(m); },
      [this](const look_around&) { offer_rest(); },
      [this](const rest&) {
        if (may_rest()) return self->quit();
        runtime::tell(self, opts.directory, room_directory::staying{opts.id});
        self->later(ctx.config.rooms.idle_ttl(), look_around{});
      },
      [](const try_again&) {},
  });
}

// --- members

/// Takes in a member, in the place of the older membership of the same session.
void state::enter(const subscription_ptr& who) {
  auto& place = present[who->who.session];
  if (place) {
    --members_on[place->who.shard];
    runtime::tell(self, relay_of(place->who.shard), relay::drop{place, {}});
  }
  place = who;
  ++members_on[who->who.shard];
  roster.enter(*who);
}

void state::add(const join& m, const codecs::payload_ptr& said) {
  const auto& who = m.who->who;
  if (joining.hold(who.session, [this, m, said] { add(m, said); })) return;
  busy_at = self->clock().now();
  send_turn();  // the joiner's position is the newest one that the relays know
  joining.begin(who.session);
  auto admit = [this, m, said](room_history::gap missed) {
    const auto position = missed.position;
    results::joined joined{.room = opts.id.value,
                           .epoch = log.epoch(),
                           .seq = position,
                           .members = 0,
                           .recovered = {},
                           .reason = std::move(missed.reason),
                           .missed = std::move(missed.missed),
                           .reply = said};
    if (m.since) joined.recovered = joined.reason.empty();
    log.keep_member(m.who->who, position, [this, m, position, joined](storage::errc why) {
      if (why == storage::errc::success)
        let_in(m, position, joined);
      else
        refuse(m, refusal(why));
      joining.end(m.who->who.session);
    });
  };
  if (m.since)
    past.recover(*m.since, std::move(admit));
  else
    admit({.reason = {}, .position = log.newest()});
}

/// Takes in a member that has everything up to `position`; the relay gives it what the log has got since.
void state::let_in(const join& m, std::uint64_t position, results::joined joined) {
  const bool known = present.contains(m.who->who.session);
  if (!known && present.size() >= policy.members_max)
    return refuse(m, codecs::make_error(error_code::unavailable, "the room is full"));
  joined.members = present.size() + (known ? 0 : 1);
  enter(m.who);
  runtime::tell(self, relay_of(m.who->who.shard),
                relay::add{m.who, log.epoch(), position, log.newest(), {m.reply, codecs::result{std::move(joined)}}});
}

void state::refuse(const join& m, codecs::error why) {
  runtime::tell(self, relay_of(m.who->who.shard), relay::drop{m.who, {m.reply, std::move(why)}});
}

/// A session that the room does not know any more joins anew, as far as its behaviour is concerned.
void state::take_back(const resume& m, const std::shared_ptr<runtime::promise<resume>>& owed) {
  if (joining.hold(m.who->who.session, [this, m, owed] { take_back(m, owed); })) return;
  auto back = [this, m, owed](const codecs::payload_ptr&) { owed->deliver(resume::reply{add_back(m)}); };
  if (!host || present.contains(m.who->who.session)) return back(nullptr);
  auto refused = [this, m, owed](const codecs::error&) { owed->deliver(turn_away(m, "forbidden")); };
  host->join(m.who, nullptr, {std::move(back), std::move(refused)});
}

resume::reply state::turn_away(const resume& m, std::string why) {
  runtime::tell(self, relay_of(m.who->who.shard), relay::drop{m.who, {}});
  return {{.room = opts.id.value, .epoch = {}, .seq = 0, .recovered = false, .reason = std::move(why)}};
}

results::room_state state::add_back(const resume& m) {
  busy_at = self->clock().now();
  send_turn();
  auto from = m.from;
  if (from.epoch.empty()) from.epoch = m.joined_epoch;
  auto reason = past.lost(from);
  const bool recovered = reason.empty();
  const auto position = recovered ? from.seq : log.newest();
  enter(m.who);
  runtime::tell(self, relay_of(m.who->who.shard), relay::hold{m.who, log.epoch(), position, log.newest()});
  return {.room = opts.id.value,
          .epoch = log.epoch(),
          .seq = log.newest(),
          .recovered = recovered,
          .reason = std::move(reason)};
}

void state::forget(const leave& m) {
  if (joining.hold(m.who->who.session, [this, m] { forget(m); })) return;
  relay::settled reply{m.reply, codecs::result{results::nothing{}}};
  const auto found = present.find(m.who->who.session);
  if (found == present.end() || found->second->who.number > m.who->who.number) {
    if (host) host->withdraw(m.who->who.number);
  } else if (found->second == m.who) {
    return erase(found, reply);
  } else {
    erase(found, {});  // an older one, whose successor was not let in
  }
  runtime::tell(self, relay_of(m.who->who.shard), relay::drop{m.who, std::move(reply)});
}

void state::erase(std::map<session_id, subscription_ptr>::iterator which, const relay::settled& reply) {
  send_turn();  // what was published before it left is still delivered
  const auto one = which->second;
  --members_on[one->who.shard];
  present.erase(which);
  roster.leave(*one);
  runtime::tell(self, relay_of(one->who.shard), relay::drop{one, reply});
  if (host) host->left(one->who);
}

// --- messages

void state::accept(const publish& m) {
  busy_at = self->clock().now();
  auto& draft = *m.draft;
  if (m.wanted == codecs::ack_level::durable && policy.kind == room_kind::ephemeral)
    return m.reply(cannot_be_durable());
  if (log.waiting() >= limits::uncommitted_messages_max || (log.on_disk() && ctx.writer_is_behind()))
    return m.reply(disk_is_behind());
  if (host) return host->publish(m);
  std::optional<storage::idempotency> once;
  if (m.client_id)
    once = storage::idempotency{m.sender, draft.id,
                                codecs::content_hash("room.publish", draft.room, draft.event, *draft.body)};
  store(m, std::move(once), nullptr);
}

void state::store(const publish& m, std::optional<storage::idempotency> once, storage::bytes_ptr snapshot) {
  auto& draft = *m.draft;
  await_turn_end();
  draft.at_ms = ctx.now_ms();
  storage::append entry{.log = draft.room,
                        .body = codecs::make_recycled<const std::string>(codecs::to_stored(draft)),
                        .at_ms = draft.at_ms,
                        .keep = policy.history,
                        .once = std::move(once),
                        .snapshot = std::move(snapshot)};
  const bool with_state = entry.snapshot != nullptr;
  if (!log.on_disk()) {
    auto stored = log.append_now(std::move(entry));
    return settle(m, stored, with_state);
  }
  log.append(std::move(entry), [this, m, with_state](storage::outcome& stored) { settle(m, stored, with_state); });
  if (log.gathered() >= limits::turn_messages_max) log.flush();
}

/// What became of a message: only now it has a position that anybody may know.
void state::settle(const publish& m, storage::outcome& stored, bool with_state) {
  if (with_state && host && (!stored.ok() || stored.duplicate)) host->state_not_stored();
  if (!stored.ok()) {
    if (!m.reply) runtime::log::warn("a behaviour's message was not stored", {runtime::log::room(opts.id.value)});
    if (stored.error == storage::errc::outcome_unknown) return m.reply.leave_unknown();
    return turn.add(m.reply, refusal(stored.error));
  }
  auto& draft = *m.draft;
  results::published ack{.id = draft.id,
                         .epoch = stored.at.epoch,
                         .seq = stored.at.seq,
                         .ack = ctx.ack_level_of(policy),
                         .duplicate = stored.duplicate};
  if (!stored.duplicate) {
    draft.seq = stored.at.seq;
    draft.epoch = std::move(stored.at.epoch);
    turn.add(m.draft, m.except_session.empty() ? m.except : number_of(present, m.except_session), m.reply.asked());
  }
  turn.add(m.reply, codecs::result{std::move(ack)});
  if (turn.messages() >= limits::turn_messages_max) send_turn();
}

void state::await_turn_end() {
  if (!std::exchange(turn_end_comes, true)) pass(self, caf::actor{self}, end_of_turn{});
}

// --- a newer build of the behaviour

void state::swap(const swap_build& m) {
  auto owed = std::make_shared<runtime::promise<swap_build>>(self);
  if (!host) return owed->deliver(swap_build::reply{});
  self->become(swapping());
  host->swap(m.build, [this, owed](std::string why) {
    self->become(open());
    owed->deliver(swap_build::reply{std::move(why)});
  });
}

// --- leaving memory

bool state::may_rest() const {
  return present.empty() && joining.empty() && turn.empty() && log.waiting() == 0 && (!host || host->idle());
}

void state::offer_rest() {
  const auto idle = ctx.config.rooms.idle_ttl();
  if (may_rest() && self->clock().now() - busy_at >= idle)
    runtime::tell(self, opts.directory, room_directory::resting{opts.id});
  else
    self->later(idle, look_around{});
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, std::move(opts)); }

}  // namespace greenroom::room
