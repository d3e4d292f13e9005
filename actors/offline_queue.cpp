#include "actors/offline_queue.hpp"

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <vector>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/refusal.hpp"
#include "actors/session.hpp"
#include "actors/session_directory.hpp"
#include "actors/stored_message.hpp"
#include "codecs/content_hash.hpp"
#include "storage/store.hpp"

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
  std::vector<unacknowledged> open;
  std::size_t open_bytes = 0;

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
    };
  }

  void append(const send& m);
  void add(const attach& m);
  void remove(const detach& m);
  void settle(const acknowledge& m);
  void pump(receiver& to);

  runtime::actor_base* self;
  context& ctx;
  std::unordered_map<user_id, std::vector<receiver>> online;
};

void state::append(const send& m) {
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
  auto stored = ctx.store.commit(std::move(entry));
  if (!stored.ok()) return m.reply(refusal(stored.error));
  m.reply(codecs::result{results::sent{.id = draft.id,
                                       .ack = ctx.store.level() == storage::durability::durable
                                                  ? codecs::ack_level::durable
                                                  : codecs::ack_level::accepted,
                                       .duplicate = stored.duplicate}});
  if (stored.duplicate) return;
  if (auto found = online.find(m.to); found != online.end())
    for (auto& each : found->second) pump(each);
}

void state::add(const attach& m) {
  auto& receivers = online[m.who.user];
  std::erase_if(receivers, [&](const receiver& each) { return each.who.session == m.who.session; });
  receiver one{.who = m.who, .sent = m.sent, .open = {}, .open_bytes = 0};
  if (m.sent != 0) {
    auto page = ctx.store.read_inbox(m.who.user.value, 0, limits::inbox_in_flight_messages_max,
                                     limits::inbox_in_flight_bytes_max, ctx.now_ms());
    for (const auto& each : page.messages) {
      if (each.n > m.sent) break;
      one.open.push_back({each.n, each.body->size()});
      one.open_bytes += each.body->size();
    }
  }
  receivers.push_back(std::move(one));
  pump(receivers.back());
}

void state::remove(const detach& m) {
  auto found = online.find(m.who.user);
  if (found == online.end()) return;
  std::erase_if(found->second, [&](const receiver& each) {
    return each.who.session == m.who.session && each.who.actor == m.who.actor;
  });
  if (found->second.empty()) online.erase(found);
  if (m.last == delivery::failed)
    ctx.store.commit(storage::inbox_attempt{m.who.user.value, ctx.now_ms(), ctx.config.inbox.delivery_attempts_max});
}

void state::settle(const acknowledge& m) {
  auto done = ctx.store.commit(storage::inbox_ack{m.who.user.value, m.upto});
  if (!done.ok()) return m.reply(refusal(done.error));
  m.reply(codecs::result{results::inbox_acked{m.upto, done.left}});
  auto found = online.find(m.who.user);
  if (found == online.end()) return;
  for (auto& each : found->second) {
    each.settle(m.upto);
    if (each.who.session != m.who.session && done.count != 0)
      runtime::tell(self, each.who.actor, session::inbox_acked{m.upto});
    pump(each);
  }
}

/// Sends what the session lacks, as far as its unacknowledged messages allow.
void state::pump(receiver& to) {
  if (to.open.size() >= limits::inbox_in_flight_messages_max || to.open_bytes >= limits::inbox_in_flight_bytes_max)
    return;
  auto page = ctx.store.read_inbox(to.who.user.value, to.sent, limits::inbox_in_flight_messages_max - to.open.size(),
                                   limits::inbox_in_flight_bytes_max - to.open_bytes, ctx.now_ms());
  if (page.expired != 0)
    ctx.store.commit(
        storage::inbox_expire{to.who.user.value, ctx.now_ms()});  // before anything above them is acknowledged
  session::inbox batch;
  for (const auto& each : page.messages) {
    to.sent = each.n;
    auto message = stored_message(each.body, {}, {}, each.n, each.at_ms);
    if (!message) {
      ctx.meters.dropped(drop_reason::damaged, 1);
      continue;
    }
    to.open.push_back({each.n, each.body->size()});
    to.open_bytes += each.body->size();
    batch.messages.push_back(std::move(message));
  }
  if (!batch.messages.empty()) runtime::tell(self, to.who.actor, std::move(batch));
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::offline_queue
