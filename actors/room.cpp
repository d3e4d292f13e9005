#include "actors/room.hpp"

#include <algorithm>
#include <map>

#include "actors/broadcast.hpp"
#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/refusal.hpp"
#include "actors/relay.hpp"
#include "actors/room_directory.hpp"
#include "actors/room_host.hpp"
#include "actors/room_roster.hpp"
#include "actors/stored_message.hpp"
#include "codecs/content_hash.hpp"
#include "runtime/promise.hpp"
#include "runtime/shard.hpp"
#include "storage/store.hpp"

namespace greenroom::room {
namespace {

namespace results = codecs::results;
using codecs::error_code;

struct end_of_turn {};  ///< To itself: everything that was queued before it has been handled.
struct look_around {};  ///< To itself, now and then: is anybody here?

/// What one turn publishes, until it leaves as one message to each shard.
struct pending_turn {
  std::vector<broadcast::item> messages;
  std::vector<relay::settled> answers;
  std::chrono::steady_clock::time_point received{};
  bool empty() const { return messages.empty() && answers.empty(); }
};

}  // namespace
}  // namespace greenroom::room

GREENROOM_MESSAGE(greenroom::room::end_of_turn)
GREENROOM_MESSAGE(greenroom::room::look_around)

namespace greenroom::room {

struct state final : hosting_room {
  static inline const char* name = "room";
  state(runtime::actor_base* s, const options& o);

  caf::behavior start();
  caf::behavior recovering();
  caf::behavior open();
  caf::behavior with_host(caf::message_handler own) const;

  void add(const join& m);
  void refuse(const join& m, codecs::error why);
  void take_back(const resume& m);
  results::room_state add_back(const resume& m);
  void forget(const leave& m);
  void erase(std::map<session_id, subscription_ptr>::iterator which, const relay::settled& reply);
  void accept(const publish& m);
  void await_turn_end();
  incarnation spared_by(const publish& m) const;
  void send_turn();
  bool may_rest() const;
  void offer_rest();
  void swap(const swap_build& m);
  caf::behavior swapping();

  std::string lost(const codecs::position& since) const;
  std::string recover(const codecs::position& since, std::vector<codecs::envelope_ptr>& missed) const;
  void enter(const subscription_ptr& who);
  codecs::envelope_ptr envelope_of(const storage::record& from) const;
  codecs::outcome page(const codecs::calls::room_history& what) const;
  void survey(std::size_t shard, unsigned attempts);
  void repair(std::size_t shard, const relay::survey::reply& known);
  caf::actor relay_of(std::size_t shard) const { return ctx.shards[shard].relay; }

  // hosting_room
  void store(const publish& m, std::optional<storage::idempotency> once, storage::bytes_ptr snapshot) override;
  void store_at_turn_end() override { await_turn_end(); }
  const std::map<session_id, subscription_ptr>& members() const override { return present; }
  void remove(const session_id& whom) override;

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  const room_policy& policy;
  std::string epoch;
  std::uint64_t head = 0;  ///< the newest position of the log
  std::map<session_id, subscription_ptr> present;
  std::vector<std::uint32_t> members_on;  ///< by shard
  room_roster roster;
  pending_turn turn;
  bool turn_end_comes = false;         ///< it is in the mailbox
  std::unique_ptr<room_host> host;     ///< null: the room has no behaviour
  std::size_t surveys = 0;             ///< relays that have not answered yet
  runtime::shard::time_point busy_at;  ///< the last message that was for somebody
};

state::state(runtime::actor_base* s, const options& o)
    : self{s},
      opts{o},
      ctx{o.ctx},
      policy{*o.policy},
      members_on(o.ctx.shards.size()),
      roster{s, o.ctx, o.id.value, policy} {
  auto opened = ctx.store.commit(storage::log_open{.log = opts.id.value, .keep = policy.history});
  if (!opened.ok()) throw std::runtime_error{"the store does not open the room's log"};
  epoch = opened.at.epoch;
  head = opened.at.seq;
  busy_at = self->clock().now();
  if (policy.behaviour.empty()) return;
  auto build = ctx.behaviours.find(policy.behaviour);
  if (!build) throw std::runtime_error{"there is no behaviour named " + policy.behaviour};
  host = std::make_unique<room_host>(self, ctx, *this, opts.id, std::move(build));
}

caf::behavior state::start() {
  self->later(ctx.config.rooms.idle_ttl(), look_around{});
  return recovering();
}

/// Each relay says whom and what it has, and is sent what is missing there before any new publish is taken: after a
/// crash of the room or of its directory, and after a rest, nothing else knows the members.
caf::behavior state::recovering() {
  surveys = ctx.shards.size();
  for (std::size_t i = 0; i < ctx.shards.size(); ++i) survey(i, limits::survey_attempts);
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
      [](const end_of_turn&) {},
  };
}

/// A relay that crashes with the question is asked again: its members would be no members.
void state::survey(std::size_t shard, unsigned attempts) {
  auto done = [this] {
    if (--surveys != 0) return;
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
    roster.enter(each->who);
  }
  if (!known.known || known.epoch != epoch) return;
  for (auto after = known.position; after < head;) {
    auto page = ctx.store.read(opts.id.value, after, limits::turn_messages_max, limits::feed_bytes_max);
    std::vector<broadcast::item> missing;
    for (const auto& record : page.records)
      if (auto message = envelope_of(record)) missing.push_back({message, incarnation::none});
    if (missing.empty()) break;
    after = missing.back().message->seq;
    runtime::tell(
        self, relay_of(shard),
        relay::deliver{std::make_shared<const broadcast>(std::move(missing), runtime::shard::time_point{}), nullptr});
  }
}

/// The room's own messages, and its behaviour's.
caf::behavior state::with_host(caf::message_handler own) const { return host ? own.or_else(host->handlers()) : own; }

caf::behavior state::open() {
  return with_host({
      [this](const join& m) {
        if (!host || present.contains(m.who->who.session)) return add(m);
        host->join(m.who->who, {[this, m] { add(m); }, [this, m](codecs::error why) { refuse(m, std::move(why)); }});
      },
      [this](const resume& m) { take_back(m); },
      [this](const leave& m) { forget(m); },
      [this](const publish& m) { accept(m); },
      [this](const history& m) { m.reply(page(m.what)); },
      [this](const room::members& m) { m.reply(codecs::result{roster.page(m.what)}); },
      [this](const call_roll&) { roster.call_roll(); },
      [this](const room_roster::due& m) { roster.on_due(m); },
      [this](const end_of_turn&) {
        turn_end_comes = false;
        send_turn();
        if (host) host->keep_state();
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
  roster.enter(who->who);
}

void state::add(const join& m) {
  busy_at = self->clock().now();
  send_turn();  // the joiner's position is the newest one that the relays know
  const bool known = present.contains(m.who->who.session);
  if (!known && present.size() >= policy.members_max)
    return refuse(m, codecs::make_error(error_code::unavailable, "the room is full"));

  results::joined joined{.room = opts.id.value,
                         .epoch = epoch,
                         .seq = head,
                         .members = present.size() + (known ? 0 : 1),
                         .recovered = {},
                         .reason = {},
                         .missed = {}};
  if (m.since) {
    joined.reason = lost(*m.since);
    if (joined.reason.empty()) joined.reason = recover(*m.since, joined.missed);
    joined.recovered = joined.reason.empty();
  }
  enter(m.who);
  runtime::tell(self, relay_of(m.who->who.shard),
                relay::add{m.who, epoch, head, {m.reply, codecs::result{std::move(joined)}}});
}

void state::refuse(const join& m, codecs::error why) {
  runtime::tell(self, relay_of(m.who->who.shard), relay::drop{m.who, {m.reply, std::move(why)}});
}

/// Why what follows `since` is not in the log any more; empty: all of it is.
std::string state::lost(const codecs::position& since) const {
  if (since.epoch != epoch || since.seq > head) return "epoch_changed";
  if (since.seq == head) return {};
  auto log = ctx.store.head(opts.id.value);
  return !log || since.seq + 1 < log->first ? "expired" : "";
}

/// All that follows `since`, which the log has, or why the answer of a join cannot hold it.
std::string state::recover(const codecs::position& since, std::vector<codecs::envelope_ptr>& missed) const {
  if (since.seq == head) return {};
  auto page = ctx.store.read(opts.id.value, since.seq, limits::missed_messages_max, limits::missed_bytes_max);
  if (page.records.empty() || page.records.back().seq != head) return "too_far";
  for (const auto& record : page.records)
    if (auto message = envelope_of(record)) missed.push_back(std::move(message));
  return {};
}

/// A session that the room does not know any more joins anew, as far as its behaviour is concerned.
void state::take_back(const resume& m) {
  auto owed = std::make_shared<runtime::promise<resume>>(self);
  auto back = [this, m, owed] { owed->deliver(resume::reply{add_back(m)}); };
  if (!host || present.contains(m.who->who.session)) return back();
  auto refused = [this, m, owed](const codecs::error&) {
    runtime::tell(self, relay_of(m.who->who.shard), relay::drop{m.who, {}});
    owed->deliver(
        resume::reply{{.room = opts.id.value, .epoch = {}, .seq = 0, .recovered = false, .reason = "forbidden"}});
  };
  host->join(m.who->who, {std::move(back), std::move(refused)});
}

results::room_state state::add_back(const resume& m) {
  busy_at = self->clock().now();
  send_turn();
  auto from = m.from;
  if (from.epoch.empty()) from.epoch = m.joined_epoch;
  auto reason = lost(from);
  const bool recovered = reason.empty();
  const auto position = recovered ? from.seq : head;
  enter(m.who);
  runtime::tell(self, relay_of(m.who->who.shard), relay::hold{m.who, epoch, position, head});
  return {.room = opts.id.value, .epoch = epoch, .seq = head, .recovered = recovered, .reason = std::move(reason)};
}

void state::forget(const leave& m) {
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
  roster.leave(one->who);
  runtime::tell(self, relay_of(one->who.shard), relay::drop{one, reply});
  if (host) host->left(one->who);
}

void state::remove(const session_id& whom) {
  if (const auto found = present.find(whom); found != present.end()) erase(found, {});
}

// --- messages

void state::accept(const publish& m) {
  busy_at = self->clock().now();
  auto& draft = *m.draft;
  if (m.wanted == codecs::ack_level::durable && policy.kind == room_kind::ephemeral) {
    auto why = codecs::make_error(error_code::invalid_params,
                                  "the room keeps its messages in memory: it cannot acknowledge as durable");
    why.path = "params.ack";
    return m.reply(std::move(why));
  }
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
  if (turn.messages.empty()) turn.received = m.reply.asked();

  draft.at_ms = ctx.now_ms();
  storage::append entry{.log = draft.room,
                        .body = std::make_shared<const std::string>(codecs::to_stored(draft)),
                        .at_ms = draft.at_ms,
                        .keep = policy.history,
                        .once = std::move(once),
                        .snapshot = std::move(snapshot)};
  auto stored = ctx.store.commit(std::move(entry));
  if (!stored.ok()) {
    turn.answers.push_back({m.reply, refusal(stored.error)});
    return;
  }
  results::published ack{.id = draft.id,
                         .epoch = stored.at.epoch,
                         .seq = stored.at.seq,
                         .ack = ctx.ack_level_of(policy),
                         .duplicate = stored.duplicate};
  if (!stored.duplicate) {
    head = stored.at.seq;
    draft.epoch = std::move(stored.at.epoch);
    draft.seq = head;
    turn.messages.push_back({m.draft, spared_by(m)});
  }
  turn.answers.push_back({m.reply, codecs::result{std::move(ack)}});
  if (turn.messages.size() >= limits::turn_messages_max) send_turn();
}

/// The member that does not receive it.
incarnation state::spared_by(const publish& m) const {
  if (m.except_session.empty()) return m.except;
  const auto found = present.find(m.except_session);
  return found == present.end() ? incarnation::none : found->second->who.number;
}

void state::await_turn_end() {
  if (!std::exchange(turn_end_comes, true)) runtime::tell(self, caf::actor{self}, end_of_turn{});
}

/// One message to each shard that has members or callers.
void state::send_turn() {
  if (turn.empty()) return;
  auto now = std::exchange(turn, {});
  std::shared_ptr<const broadcast> messages;
  if (!now.messages.empty()) messages = std::make_shared<const broadcast>(std::move(now.messages), now.received);
  std::vector<std::shared_ptr<std::vector<relay::settled>>> answers(ctx.shards.size());
  for (auto& each : now.answers) {
    auto& of_shard = answers[each.to.home() ? each.to.home()->id() : 0];
    if (!of_shard) of_shard = std::make_shared<std::vector<relay::settled>>();
    of_shard->push_back(std::move(each));
  }
  for (std::size_t i = 0; i < ctx.shards.size(); ++i)
    if ((messages && members_on[i] != 0) || answers[i])
      runtime::tell(self, relay_of(i), relay::deliver{members_on[i] != 0 ? messages : nullptr, std::move(answers[i])});
}

codecs::envelope_ptr state::envelope_of(const storage::record& from) const {
  return stored_message(from.body, opts.id.value, epoch, from.seq, from.at_ms);
}

codecs::outcome state::page(const codecs::calls::room_history& what) const {
  const auto most = std::min<std::size_t>(what.limit, limits::history_messages_max);
  auto page = what.after ? ctx.store.read(opts.id.value, *what.after, most, limits::history_bytes_max)
                         : ctx.store.read_before(opts.id.value, what.before.value_or(UINT64_MAX), most,
                                                 limits::history_bytes_max);
  results::history all{.epoch = epoch, .first = page.head.first, .last = page.head.last, .messages = {}};
  for (const auto& record : page.records) {
    if (what.before && record.seq >= *what.before) break;
    if (auto message = envelope_of(record)) all.messages.push_back(std::move(message));
  }
  return codecs::result{std::move(all)};
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

/// Until the behaviour's open questions are answered: everything else waits in its order.
caf::behavior state::swapping() {
  return with_host({
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
  });
}

// --- leaving memory

bool state::may_rest() const { return present.empty() && turn.empty() && (!host || host->idle()); }

void state::offer_rest() {
  const auto idle = ctx.config.rooms.idle_ttl();
  if (may_rest() && self->clock().now() - busy_at >= idle)
    runtime::tell(self, opts.directory, room_directory::resting{opts.id});
  else
    self->later(idle, look_around{});
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, std::move(opts)); }

}  // namespace greenroom::room
