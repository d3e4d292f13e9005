#include "actors/offline_queue.hpp"

#include <algorithm>
#include <functional>
#include <list>
#include <unordered_map>
#include <vector>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/refusal.hpp"
#include "actors/session.hpp"
#include "actors/session_directory.hpp"
#include "actors/store_reader.hpp"
#include "actors/store_writer.hpp"
#include "actors/stored_message.hpp"
#include "codecs/content_hash.hpp"
#include "storage/store.hpp"

namespace greenroom::offline_queue {
namespace {

struct pump_again {  ///< To itself: the disk may be read now.
  attachment who;
};

}  // namespace
}  // namespace greenroom::offline_queue

GREENROOM_MESSAGE(greenroom::offline_queue::pump_again)

namespace greenroom::offline_queue {
namespace {

namespace results = codecs::results;

constexpr std::int64_t ms_per_s = 1'000;

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
};

}  // namespace

struct state {
  static inline const char* name = "offline_queue";
  state(runtime::actor_base* s, const options& o) : self{s}, ctx{o.ctx} {
    if (self->life() == 0) return;
    runtime::ask(self, ctx.sessions, limits::ask_timeout,
                 session_directory::recollect{session::registry::queue, o.shard})
        .then([](const session_directory::recollect::reply&) {}, [](const caf::error&) {});  // nobody waits for them
  }

  caf::behavior start() {
    return {
        [this](const send& m) { append(m); },
        [this](const attach& m) { add(m); },
        [this](const detach& m) { remove(m); },
        [this](const acknowledge& m) { settle(m); },
        [this](const pump_again& m) {
          if (auto* to = find(m.who)) pump(*to);
        },
    };
  }

  using receivers = std::list<receiver>;

  void append(const send& m);
  void accepted(const send& m, const storage::bytes_ptr& body, const storage::outcome& stored);
  void add(const attach& m);
  void remove(const detach& m);
  void settle(const acknowledge& m);
  void pump(receiver& to);
  void give(receiver& to, const storage::inbox_page& page);
  receiver* find(const attachment& who);
  void read(const attachment& who, std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
            std::function<void(receiver&, const storage::inbox_page&)> then);

  runtime::actor_base* self;
  context& ctx;
  std::unordered_map<user_id, receivers> online;
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
  if (ctx.writer_is_behind()) {
    auto why = codecs::make_error(codecs::error_code::rate_limited, "the disk is behind: send slower");
    why.retry_after_ms = limits::writer_retry_ms;
    return m.reply(std::move(why));
  }
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
  auto body = entry.body;
  store_writer::write_one(self, ctx, std::move(entry),
                          [this, m, body](const storage::outcome& stored) { accepted(m, body, stored); });
}

/// Stored first, delivered second.
void state::accepted(const send& m, const storage::bytes_ptr& body, const storage::outcome& stored) {
  if (!stored.ok()) return refuse(m.reply, stored.error);
  m.reply(codecs::result{results::sent{.id = m.draft->id,
                                       .ack = ctx.disk.level() == storage::durability::durable
                                                  ? codecs::ack_level::durable
                                                  : codecs::ack_level::accepted,
                                       .duplicate = stored.duplicate}});
  if (stored.duplicate) return;
  const auto found = online.find(m.to);
  if (found == online.end()) return;
  m.draft->seq = stored.n;
  for (auto& each : found->second) {
    if (!each.caught_up || each.full()) {
      each.caught_up = false;
      each.again = each.reading;
      pump(each);
      continue;
    }
    each.note(stored.n, body->size());
    runtime::tell(self, each.who.actor, session::inbox{{m.draft}});
  }
}

// --- receivers

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
  if (m.sent == 0) return pump(all.back());
  all.back().reading = true;
  read(m.who, 0, limits::inbox_in_flight_messages_max, limits::inbox_in_flight_bytes_max,
       [this, sent = m.sent](receiver& to, const storage::inbox_page& page) {
         to.reading = false;
         for (const auto& each : page.messages)
           if (each.n <= sent && each.body) to.note(each.n, each.body->size());
         to.sent = sent;
         pump(to);
       });
}

void state::remove(const detach& m) {
  auto found = online.find(m.who.user);
  if (found == online.end()) return;
  std::erase_if(found->second, [&](const receiver& each) {
    return each.who.session == m.who.session && each.who.actor == m.who.actor;
  });
  if (found->second.empty()) online.erase(found);
  if (m.last == delivery::failed)
    store_writer::post(
        self, ctx, storage::inbox_attempt{m.who.user.value, ctx.now_ms(), ctx.config.inbox.delivery_attempts_max});
}

void state::settle(const acknowledge& m) {
  store_writer::write_one(
      self, ctx, storage::inbox_ack{m.who.user.value, m.upto}, [this, m](const storage::outcome& done) {
        if (!done.ok()) return refuse(m.reply, done.error);
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

/// Sends what the session lacks, as far as its unacknowledged messages allow.
void state::pump(receiver& to) {
  if (to.reading || to.full()) return;
  to.reading = true;
  read(to.who, to.sent, limits::inbox_in_flight_messages_max - to.open.size(),
       limits::inbox_in_flight_bytes_max - to.open_bytes,
       [this](receiver& who, const storage::inbox_page& page) { give(who, page); });
}

void state::give(receiver& to, const storage::inbox_page& page) {
  to.reading = false;
  if (page.error == storage::errc::unavailable) return self->later(limits::feed_retry, pump_again{to.who});
  if (page.expired != 0)  // before anything above them is acknowledged
    store_writer::post(self, ctx, storage::inbox_expire{to.who.user.value, ctx.now_ms()});
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
  to.caught_up = !std::exchange(to.again, false) && (page.messages.empty() || page.messages.back().n >= page.state.last);
  if (!to.caught_up) pump(to);
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::offline_queue
