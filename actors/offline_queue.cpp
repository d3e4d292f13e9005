#include "actors/offline_queue.hpp"

#include <algorithm>
#include <functional>
#include <list>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "actors/context.hpp"
#include "actors/inbox_holders.hpp"
#include "actors/limits.hpp"
#include "actors/refusal.hpp"
#include "actors/session.hpp"
#include "actors/session_directory.hpp"
#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "actors/stored_message.hpp"
#include "codecs/content_hash.hpp"
#include "runtime/log.hpp"
#include "runtime/promise.hpp"
#include "storage/planted.hpp"
#include "storage/store.hpp"

namespace greenroom::offline_queue {
namespace {

struct list_on {};   ///< To itself: whose inboxes hold messages.
struct pump_again {  ///< To itself: the disk may be read now, or has what nobody knew of.
  attachment who;
};

}  // namespace
}  // namespace greenroom::offline_queue

GREENROOM_MESSAGE(greenroom::offline_queue::list_on)
GREENROOM_MESSAGE(greenroom::offline_queue::pump_again)

namespace greenroom::offline_queue {
namespace {

namespace results = codecs::results;

constexpr std::int64_t ms_per_s = 1'000;
constexpr std::uint64_t leak_every = 10;  ///< messages, by a planted bug

/// A session that takes messages, and what it has been sent that nobody acknowledged.
struct receiver {
  attachment who;
  std::uint64_t sent = 0;
  struct unacknowledged {
    std::uint64_t n;
    std::size_t bytes;
  };
  std::vector<unacknowledged> open{};
  std::size_t open_bytes = 0;
  bool reading = false;    ///< a page is being read for it
  bool again = false;      ///< … and something was stored meanwhile
  bool stale = false;      ///< … and is not what it shall get
  bool caught_up = false;  ///< it was sent all that is stored: what is stored next goes to it directly

  bool full() const {
    return open.size() >= limits::inbox_in_flight_messages_max || open_bytes >= limits::inbox_in_flight_bytes_max;
  }
  void note(std::uint64_t n, std::size_t bytes) {
    sent = n;
    open.push_back({n, bytes});
    open_bytes += bytes;
  }
  void settle(std::uint64_t upto) {
    std::erase_if(open, [&](const unacknowledged& each) {
      if (each.n > upto) return false;
      open_bytes -= each.bytes;
      return true;
    });
    sent = std::max(sent, upto);
  }
  /// Nothing that it was sent counts any more, nor what is being read for it: it gets what is stored.
  void rewind() {
    sent = 0;
    open.clear();
    open_bytes = 0;
    stale = reading;
    caught_up = false;
  }
};

}  // namespace

struct state {
  static inline const char* name = "offline_queue";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx}, shard{o.shard} {
    if (self->life() == 0)
      runtime::tell(self, caf::actor{self}, list_on{});
    else
      recollect();
  }

  caf::behavior start() {
    return {
        [this](const send& m) { append(m); },
        [this](const attach& m) { add(m); },
        [this](const detach& m) { remove(m); },
        [this](const acknowledge& m) { settle(m); },
        [this](const list_on&) { list_holders({}); },
        [this](const pump_again& m) {
          if (auto* to = find(m.who)) pump(*to);
        },
        [this](const count_sessions& m) { return count(m); },
        [this](const resend& m) { return send_again(m.user); },
        [this](const purge& m) { drop(m.user); },
        [this](const replay_dead& m) { revive(m); },
    };
  }

  using receivers = std::list<receiver>;

  void recollect();
  void list_holders(std::string after);
  void hold(std::string_view user);
  void append(const send& m);
  void accepted(const send& m, const storage::bytes_ptr& body, const storage::outcome& stored);
  void add(const attach& m);
  void begin(receiver& to);
  void remove(const detach& m);
  void settle(const acknowledge& m);
  count_sessions::reply count(const count_sessions& m) const;
  resend::reply send_again(const user_id& user);
  void drop(const user_id& user);
  void revive(const replay_dead& m);
  void fetch(receiver& to);
  void pump(receiver& to);
  void look_again(const user_id& user);
  void bury(const user_id& user);
  void give(receiver& to, const storage::inbox_page& page);
  void leak(const receiver& of, codecs::envelope what);
  receiver* find(const attachment& who);
  void read(const attachment& who, std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
            std::function<void(receiver&, const storage::inbox_page&)> then);

  runtime::actor_base* self;
  context& ctx;
  const std::size_t shard;
  inbox_holders holders;
  std::unordered_map<user_id, receivers> online;
  std::unordered_set<user_id> unburied;  ///< those online whose expired messages were passed over and not yet moved
};

receiver* state::find(const attachment& who) {
  const auto found = online.find(who.user);
  if (found == online.end()) return nullptr;
  for (auto& each : found->second)
    if (each.who.session == who.session && each.who.actor == who.actor) return &each;
  return nullptr;
}

// --- a message

void state::append(const send& m) {
  if (ctx.writer_is_behind()) return m.reply(disk_is_behind());
  auto& draft = *m.draft;
  const auto& bounds = ctx.config.inbox;
  draft.at_ms = ctx.now_ms();
  storage::inbox_append entry{.user = m.to.value,
                              .body = std::make_shared<const std::string>(codecs::to_stored(draft)),
                              .at_ms = draft.at_ms,
                              .expires_ms = draft.at_ms + (m.ttl_s ? *m.ttl_s * ms_per_s : bounds.ttl_ms),
                              .bounds = {bounds.messages_max, bounds.bytes_max},
                              .once = {}};
  if (m.client_id)
    entry.once = storage::idempotency{m.sender, draft.id,
                                      codecs::content_hash("user.send", m.to.value, draft.event, *draft.body)};
  hold(m.to.value);
  auto body = entry.body;
  store_writer::write_one(self, ctx, std::move(entry),
                          [this, m, body](const storage::outcome& stored) { accepted(m, body, stored); });
}

/// Stored first, delivered second.
void state::accepted(const send& m, const storage::bytes_ptr& body, const storage::outcome& stored) {
  if (!stored.ok()) {
    if (stored.error == storage::errc::outcome_unknown) look_again(m.to);
    return refuse(m.reply, stored.error);
  }
  m.reply(codecs::result{results::sent{.id = m.draft->id,
                                       .ack = ctx.disk.level() == storage::durability::durable
                                                  ? codecs::ack_level::durable
                                                  : codecs::ack_level::accepted,
                                       .duplicate = stored.duplicate}});
  const auto found = online.find(m.to);
  if (found == online.end()) return;
  m.draft->seq = stored.n;
  for (auto& each : found->second) {
    if (each.sent >= stored.n) continue;  // a repeat
    if (!each.caught_up || each.full() || stored.duplicate || stored.n != each.sent + 1) {
      fetch(each);
      continue;
    }
    each.note(stored.n, body->size());
    runtime::tell(self, each.who.actor, session::inbox{{m.draft}});
    if (storage::planted("wrong_session") && stored.n % leak_every == 0) leak(each, *m.draft);
  }
}

/// Messages may be stored, or will be, that nobody tells this life of.
void state::look_again(const user_id& user) {
  const auto found = online.find(user);
  if (found == online.end()) return;
  for (const auto& each : found->second) self->later(limits::feed_retry, pump_again{each.who});
}

// --- receivers

/// Whoever is there attaches again; nobody waits for them.
void state::recollect() {
  runtime::ask(self, ctx.sessions, limits::ask_timeout, session_directory::recollect{session::registry::queue, shard})
      .then([](const session_directory::recollect::reply&) {}, [](const caf::error&) {});
}

/// In the first life only: later ones cannot know what an earlier one had sent to the writer.
void state::list_holders(std::string after) {
  runtime::ask(self, store_reader::of(ctx, after), store_reader::list_holders{after, limits::inbox_holders_page})
      .then(
          [this](const store_reader::list_holders::reply& r) {
            if (!r.page) return self->later(limits::feed_retry, list_on{});
            for (const auto& user : r.page->users)
              if (ctx.queue_index(user) == shard) hold(user);
            if (!r.page->upto || holders.full()) return holders.listed();
            list_holders(*r.page->upto);
          },
          [this](const caf::error&) { self->later(limits::feed_retry, list_on{}); });
}

void state::hold(std::string_view user) {
  const bool was_full = holders.full();
  holders.add(user);
  if (holders.full() && !was_full)
    runtime::log::info("every inbox is read when its user comes", {{"users", limits::inbox_holders_max}});
}

/// Reads for a receiver, which may be gone when the page comes.
void state::read(const attachment& who, std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
                 std::function<void(receiver&, const storage::inbox_page&)> then) {
  auto come = [this, who, then = std::move(then)](const storage::inbox_page& page) {
    if (auto* to = find(who)) then(*to, page);
  };
  runtime::ask(self, store_reader::of(ctx, who.user.value),
               store_reader::read_inbox{who.user.value, after, count_max, bytes_max, ctx.now_ms()})
      .then([come](const store_reader::read_inbox::reply& r) { come(r.page); },
            [come](const caf::error&) { come({.error = storage::errc::unavailable}); });
}

/// A session that had something on this connection, before a crash of the queue, has it still.
void state::add(const attach& m) {
  auto& all = online[m.who.user];
  std::erase_if(all, [&](const receiver& each) { return each.who.session == m.who.session; });
  all.push_back({.who = m.who, .sent = m.sent});
  if (self->life() == 0) {
    all.back().caught_up = !holders.may_hold(m.who.user.value);
    return all.back().caught_up ? void() : pump(all.back());
  }
  // What the life before had sent to the writer, and will not hear of, is stored when this is.
  all.back().reading = true;
  store_writer::write_one(self, ctx, storage::inbox_expire{m.who.user.value, ctx.now_ms()},
                          [this, who = m.who](const storage::outcome&) {
                            if (auto* to = find(who)) begin(*to);
                          });
}

void state::begin(receiver& to) {
  to.reading = false;
  if (to.sent == 0) return pump(to);
  to.reading = true;
  read(to.who, 0, limits::inbox_in_flight_messages_max,
       limits::inbox_in_flight_bytes_max + ctx.config.gateway.message_bytes_max,
       [this, sent = to.sent](receiver& who, const storage::inbox_page& page) {
         who.reading = false;
         if (std::exchange(who.stale, false)) return pump(who);
         for (const auto& each : page.messages)
           if (each.n <= sent && each.body) who.note(each.n, each.body->size());
         who.sent = std::max(who.sent, sent);
         pump(who);
       });
}

void state::remove(const detach& m) {
  auto found = online.find(m.who.user);
  if (found == online.end()) return;
  std::erase_if(found->second, [&](const receiver& each) {
    return each.who.session == m.who.session && each.who.actor == m.who.actor;
  });
  if (found->second.empty()) {
    online.erase(found);
    unburied.erase(m.who.user);  // who comes next reads, and passes over them again
  }
  if (m.last == delivery::failed)
    store_writer::post(self, ctx,
                       storage::inbox_attempt{m.who.user.value, ctx.now_ms(), ctx.config.inbox.delivery_attempts_max});
}

void state::settle(const acknowledge& m) {
  store_writer::operations what;
  const bool buries = unburied.contains(m.who.user);
  if (buries) what.push_back(storage::inbox_expire{m.who.user.value, ctx.now_ms()});
  what.push_back(storage::inbox_ack{m.who.user.value, m.upto});
  store_writer::write(self, ctx, std::move(what), [this, m, buries](const store_writer::outcomes& all) {
    const auto& done = all.back();
    if (!done.ok()) return refuse(m.reply, done.error);
    if (buries) unburied.erase(m.who.user);  // else they were passed over while this was being stored
    m.reply(codecs::result{results::inbox_acked{m.upto, done.left}});
    auto found = online.find(m.who.user);
    if (found == online.end()) return;
    for (auto& each : found->second) {
      each.settle(m.upto);
      if (each.who.session != m.who.session && done.count != 0)
        runtime::tell(self, each.who.actor, session::inbox_acked{m.upto});
      if (!each.caught_up) pump(each);
    }
  });
}

/// Before anything above them is acknowledged: until it is done, each ack does it first.
void state::bury(const user_id& user) {
  unburied.insert(user);
  store_writer::write_one(self, ctx, storage::inbox_expire{user.value, ctx.now_ms()},
                          [this, user](const storage::outcome& done) {
                            if (done.ok()) unburied.erase(user);
                          });
}

/// Something was stored that it has not been sent.
void state::fetch(receiver& to) {
  to.caught_up = false;
  to.again = to.reading;
  pump(to);
}

/// Sends what the session lacks, as far as its unacknowledged messages allow.
void state::pump(receiver& to) {
  if (to.reading || to.full()) return;
  to.reading = true;
  read(to.who, to.sent, limits::inbox_in_flight_messages_max - to.open.size(),
       limits::inbox_in_flight_bytes_max - to.open_bytes,
       [this](receiver& who, const storage::inbox_page& page) { give(who, page); });
}

/// For a planted bug: another user's session gets the message, too.
void state::leak(const receiver& of, codecs::envelope what) {
  for (auto& [user, all] : online) {
    if (user == of.who.user || all.empty()) continue;
    what.seq = all.front().sent + 1;
    return runtime::tell(self, all.front().who.actor,
                         session::inbox{{std::make_shared<const codecs::envelope>(std::move(what))}});
  }
}

void state::give(receiver& to, const storage::inbox_page& page) {
  to.reading = false;
  const bool stale = std::exchange(to.stale, false);
  if (page.error == storage::errc::unavailable) return self->later(limits::feed_retry, pump_again{to.who});
  if (stale) return pump(to);
  if (page.expired != 0) bury(to.who.user);
  session::inbox batch;
  for (const auto& each : page.messages) {
    if (each.n <= to.sent) continue;  // acknowledged elsewhere meanwhile
    auto message = stored_message(each.body, {}, {}, each.n, each.at_ms);
    to.sent = each.n;
    if (!message) {
      ctx.meters.dropped(drop_reason::damaged, 1);
      continue;
    }
    to.note(each.n, each.body->size());
    batch.messages.push_back(std::move(message));
  }
  if (!batch.messages.empty()) runtime::tell(self, to.who.actor, std::move(batch));
  to.caught_up =
      !std::exchange(to.again, false) && (page.messages.empty() || page.messages.back().n >= page.state.last);
  if (to.caught_up)
    to.sent = std::max(to.sent, page.state.last);
  else
    pump(to);
}

// --- operators

count_sessions::reply state::count(const count_sessions& m) const {
  count_sessions::reply told;
  for (const auto& user : m.users) {
    const auto found = online.find(user);
    told.sessions.push_back(found == online.end() ? 0 : found->second.size());
  }
  return told;
}

resend::reply state::send_again(const user_id& user) {
  resend::reply told;
  const auto found = online.find(user);
  if (found == online.end()) return told;
  for (auto& each : found->second) {
    ++told.sessions;
    told.messages += each.open.size();
    each.rewind();
    pump(each);
  }
  return told;
}

/// Of what is open when the answer comes, a page that was read meanwhile may have brought something newer.
void state::drop(const user_id& user) {
  auto owed = std::make_shared<runtime::promise<purge>>(self);
  store_writer::write_one(self, ctx, storage::inbox_purge{user.value},
                          [this, user, owed](const storage::outcome& done) {
                            owed->deliver(purge::reply{done});
                            const auto found = online.find(user);
                            if (!done.ok() || found == online.end()) return;
                            for (auto& each : found->second) {
                              if (!each.open.empty())
                                runtime::tell(self, each.who.actor, session::inbox_acked{each.open.back().n});
                              each.rewind();
                              pump(each);
                            }
                          });
}

void state::revive(const replay_dead& m) {
  const auto& bounds = ctx.config.inbox;
  const auto now = ctx.now_ms();
  store_writer::operations all;
  for (const auto letter : m.letters)
    all.push_back(storage::dead_replay{letter, now, now + bounds.ttl_ms, {bounds.messages_max, bounds.bytes_max}});
  hold(m.user.value);
  auto owed = std::make_shared<runtime::promise<replay_dead>>(self);
  store_writer::write(self, ctx, std::move(all), [this, user = m.user, owed](const store_writer::outcomes& done) {
    owed->deliver(replay_dead::reply{done});
    if (const auto found = online.find(user); found != online.end())
      for (auto& each : found->second) fetch(each);
  });
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::offline_queue
