#include "actors/relay.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include "actors/context.hpp"
#include "actors/flush_watch.hpp"
#include "actors/last_block.hpp"
#include "actors/limits.hpp"
#include "actors/log_pages.hpp"
#include "actors/memberships.hpp"
#include "actors/peer.hpp"
#include "actors/room.hpp"
#include "actors/room_directory.hpp"
#include "actors/room_policy.hpp"
#include "actors/session_directory.hpp"
#include "runtime/ask.hpp"
#include "runtime/promise.hpp"
#include "runtime/shard.hpp"

namespace greenroom::relay {
namespace {

struct grow_up {};  ///< To itself: a session that has not registered again by now is not waited for.

}  // namespace
}  // namespace greenroom::relay

GREENROOM_MESSAGE(greenroom::relay::grow_up)

namespace greenroom::relay {
namespace {

/// A room as this shard knows it.
struct channel {
  const room_policy* policy = nullptr;
  std::string epoch;
  std::uint64_t position = 0;             ///< of the newest message that the live members were sent
  bool end_sought = false;                ///< the end of its log is being looked up
  bool roll_called = false;               ///< the room knows that a member does not know who is there
  std::vector<subscription_ptr> members;  ///< those that are away, too
};

}  // namespace

struct state {
  static inline const char* name = "relay";
  state(runtime::actor_base* s, const options& o)
      : self{s}, opts{o}, ctx{o.ctx}, pages{s, o.ctx}, watch{o.ctx.meters} {}

  caf::behavior start();
  void recollect();
  void answer_surveys();
  survey::reply known_of(const std::string& room);
  served::reply rooms_of(std::size_t directory) const;
  channel& channel_of(const std::string& room, const std::string& epoch, std::uint64_t position);
  void enter(channel& in, const subscription_ptr& who);
  void remove(const subscription_ptr& who);
  void let_in(const add& m);
  void take_back(const readopt& m);
  void find_end(const std::string& room, channel& in);
  void stand_at(channel& in, const std::string& epoch, std::uint64_t head);
  void forget(const forsake& m);
  void turn_away(const subscription_ptr& who, const settled& reply);
  void tell(const roster& m);
  bool write_roster(const subscription_ptr& who, const shared_push& what);
  void turn_live(channel& in, subscription& who);
  void call_roll(channel& in, const std::string& room);
  void close(const close_room& m);
  void fan_out(const std::shared_ptr<const broadcast>& what);
  void write(channel& in, subscription& to, const broadcast& what, last_block& last);
  void write_block(channel& in, subscription& to, const broadcast& what, last_block& last);
  void write_singles(channel& in, subscription& to, const broadcast& what);
  void make_space(subscription& to, const runtime::outbox& out, std::size_t bytes);
  bool refused(channel& in, subscription& to, runtime::outbox::verdict why, std::uint32_t messages);
  void go_on(const subscription_ptr& who);
  void feed_member(const subscription_ptr& who);
  void write_page(const subscription_ptr& who, log_pages::page& page);

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  std::unordered_map<std::string, channel> rooms;
  log_pages pages;
  flush_watch watch;
  bool young = self->life() > 0;                                          ///< its sessions have not all come back
  std::uint64_t registered = 0;                                           ///< those that have, …
  std::optional<std::uint64_t> expected;                                  ///< … and all of them; none: not known yet
  std::vector<std::pair<std::string, runtime::promise<survey>>> surveys;  ///< rooms that wait for them, …
  std::vector<std::pair<std::size_t, runtime::promise<served>>> askers;   ///< … and directories
};

caf::behavior state::start() {
  if (young) recollect();
  return {
      [this](const deliver& m) {
        if (m.messages) fan_out(m.messages);
        if (m.answers)
          for (auto& each : *m.answers) each.to(std::move(each.what));
      },
      [this](const add& m) { let_in(m); },
      [this](const hold& m) {
        if (m.who->at == phase::gone) return turn_away(m.who, {});
        enter(channel_of(m.who->room, m.epoch, m.head), m.who);
        m.who->epoch = m.epoch;
        m.who->position = m.who->proven = m.position;
        m.who->at = phase::held;
      },
      [this](const catch_up& m) {
        if (auto found = rooms.find(m.room); found != rooms.end()) stand_at(found->second, m.epoch, m.head);
      },
      [this](const feed& m) {
        for (const auto& each : m.who) go_on(each);
      },
      [this](const readopt& m) { take_back(m); },
      [](const detach& m) {
        for (const auto& each : m.who) {
          if (each->at == phase::gone) continue;
          each->at = phase::away;
          each->to.reset();
        }
      },
      [this](const drop& m) {
        if (m.who) remove(m.who);
        m.reply.to(m.reply.what);
      },
      [this](const forsake& m) { forget(m); },
      [this](const roster& m) { tell(m); },
      [this](const close_room& m) { close(m); },
      [this](const served& m) {
        runtime::promise<served> asker{self};
        if (young)
          askers.emplace_back(m.directory, std::move(asker));
        else
          asker.deliver(rooms_of(m.directory));
      },
      [this](const survey& m) {
        runtime::promise<survey> asker{self};
        if (young)
          surveys.emplace_back(m.room, std::move(asker));
        else
          asker.deliver(known_of(m.room));
      },
      [this](const grow_up&) { answer_surveys(); },
  };
}

void state::let_in(const add& m) {
  if (m.who->at == phase::gone) return turn_away(m.who, m.reply);
  auto& in = channel_of(m.who->room, m.epoch, m.head);
  enter(in, m.who);
  m.who->epoch = m.epoch;
  m.who->position = m.who->proven = m.position;
  m.reply.to(m.reply.what);
  if (m.who->waits) {  // its session lets it go when it is open
    m.who->at = phase::held;
    return;
  }
  m.who->at = phase::live;  // the room knows that it does not know who is there
  if (m.position != in.position) feed_member(m.who);
}

/// What the log has is what the members will be given: messages that are on their way from the room come again and are
/// dropped.
void state::take_back(const readopt& m) {
  for (const auto& each : m.who) {
    if (each->at == phase::gone || each->at == phase::joining) continue;
    const bool first = !rooms.contains(each->room);
    auto& in = channel_of(each->room, each->epoch, each->position);
    enter(in, each);
    each->roster = roster_view::unknown;
    if (each->at == phase::live) each->at = phase::catching_up;
    if (first)
      find_end(each->room, in);
    else if (each->at == phase::catching_up && !in.end_sought)
      feed_member(each);
  }
  if (m.life == self->life()) ++registered;  // else its session comes once more
  if (young && expected && registered >= *expected) answer_surveys();
}

/// Where the room's log ends is where its members will stand.
void state::find_end(const std::string& room, channel& in) {
  in.end_sought = true;
  pages.head(room, *in.policy, [this, room](const storage::log_head* head) {
    auto found = rooms.find(room);
    if (found == rooms.end()) return;
    auto& known = found->second;
    known.end_sought = false;
    if (!head) return stand_at(known, known.epoch, known.position);
    stand_at(known, head->epoch, head->epoch == known.epoch ? std::max(head->last, known.position) : head->last);
  });
}

/// The room is there: members that are not are fed from the log.
void state::stand_at(channel& in, const std::string& epoch, std::uint64_t head) {
  in.epoch = epoch;
  in.position = head;
  for (const auto& each : std::vector<subscription_ptr>{in.members}) {
    if (each->at == phase::live && each->position != head) each->at = phase::catching_up;
    if (each->at == phase::catching_up) feed_member(each);
  }
}

void state::close(const close_room& m) {
  auto found = rooms.find(m.room);
  if (found == rooms.end()) return;
  auto members = std::move(found->second.members);
  rooms.erase(found);
  const codecs::pushes::room_notice notice{.room = m.room, .code = m.code, .from = {}, .to = {}, .epoch = m.epoch};
  for (const auto& each : members) {
    each->at = phase::gone;
    if (each->to) each->to->push(notice);
  }
}

/// The sessions of this shard register again. A room that asks meanwhile waits: told too early, it would forget members.
void state::recollect() {
  runtime::ask(self, ctx.sessions, limits::ask_timeout,
               session_directory::recollect{session::registry::relay, opts.shard, self->life()})
      .then(
          [this](const session_directory::recollect::reply& r) {
            expected = r.sessions;
            if (registered >= *expected) answer_surveys();
          },
          [this](const caf::error&) { answer_surveys(); });
  self->later(limits::recollection, grow_up{});
}

void state::answer_surveys() {
  young = false;
  for (auto& [room, asker] : std::exchange(surveys, {})) asker.deliver(known_of(room));
  for (auto& [directory, asker] : std::exchange(askers, {})) asker.deliver(rooms_of(directory));
}

/// A member that has left is not a member, though the room may have died before it heard so.
survey::reply state::known_of(const std::string& room) {
  auto found = rooms.find(room);
  if (found == rooms.end()) return {};
  std::vector<subscription_ptr> gone;
  for (const auto& each : found->second.members)
    if (each->left) gone.push_back(each);
  for (const auto& each : gone) remove(each);
  if (found = rooms.find(room); found == rooms.end()) return {};
  const auto& in = found->second;
  return {.known = true, .epoch = in.epoch, .position = in.position, .members = in.members};
}

served::reply state::rooms_of(std::size_t directory) const {
  served::reply all;
  for (const auto& [room, in] : rooms)
    if (room_directory::shard_of(room, ctx.shards.size()) == directory) all.rooms.push_back(room);
  return all;
}

void state::forget(const forsake& m) {
  for (const auto& each : m.rooms->close()) {
    remove(each);
    runtime::tell(self, ctx.rooms_of(each->room), room::leave{each, {}});
  }
}

channel& state::channel_of(const std::string& room, const std::string& epoch, std::uint64_t position) {
  auto [found, fresh] = rooms.try_emplace(room);
  auto& in = found->second;
  if (fresh) {
    in.policy = &ctx.policies.of(room);
    in.epoch = epoch;
    in.position = position;
  }
  return in;
}

void state::enter(channel& in, const subscription_ptr& who) {
  if (who->place < in.members.size() && in.members[who->place] == who) return;
  who->place = in.members.size();
  in.members.push_back(who);
}

/// The single way out of a channel's members.
void state::remove(const subscription_ptr& who) {
  who->at = phase::gone;
  auto found = rooms.find(who->room);
  if (found == rooms.end()) return;
  auto& members = found->second.members;
  if (who->place >= members.size() || members[who->place] != who) return;
  members[who->place] = members.back();
  members[who->place]->place = who->place;
  members.pop_back();
  if (members.empty()) rooms.erase(found);
}

/// Its session has ended while the room let it in.
void state::turn_away(const subscription_ptr& who, const settled& reply) {
  reply.to(reply.what);
  runtime::tell(self, ctx.rooms_of(who->room), room::leave{who, {}});
}

// --- who is there

void state::tell(const roster& m) {
  auto found = rooms.find(m.room);
  if (found == rooms.end()) return;
  auto& in = found->second;
  in.roll_called = false;
  std::uint64_t wholes = 0, changes = 0;
  for (const auto& who : in.members) {
    if (who->roster == roster_view::hidden) continue;
    const bool whole = m.people_for == roster::audience::everybody || who->roster != roster_view::known;
    const auto& what = whole ? m.people : m.changes;
    if (!what || who->roster == roster_view::starved) continue;
    if (who->at != phase::live || !who->to)
      who->roster = roster_view::unknown;  // it is called for when the member is live
    else if (write_roster(who, *what))
      ++(whole ? wholes : changes);
  }
  if (wholes != 0) ctx.meters.roster_sent("whole", wholes);
  if (changes != 0) ctx.meters.roster_sent("changes", changes);
}

/// It has the space of its room's frames, but never costs a slow member its connection.
bool state::write_roster(const subscription_ptr& who, const shared_push& what) {
  auto* out = who->to->out();
  if (!out) return false;
  auto plain = what.frame(who->codec);
  who->roster = roster_view::known;
  if (plain->empty()) return false;  // its protocol has no word for it
  auto [bytes, compressed] = who->to->pack(std::move(plain));
  const auto size = bytes->size();
  make_space(*who, *out, size);
  if (out->push({.bytes = std::move(bytes)}) == runtime::outbox::verdict::queued) {
    ctx.meters.sent(codecs::encoding_of(who->codec), 1, size, compressed);
    return true;
  }
  who->roster = roster_view::starved;
  ctx.meters.dropped(drop_reason::presence, 1);
  who->to->feed_when_drained(who);
  return false;
}

void state::turn_live(channel& in, subscription& who) {
  who.at = phase::live;
  if (who.roster == roster_view::unknown) call_roll(in, who.room);
}

void state::call_roll(channel& in, const std::string& room) {
  if (in.policy->presence && !std::exchange(in.roll_called, true))
    runtime::tell(self, ctx.rooms_of(room), room::call_roll{room});
}

// --- messages

void state::fan_out(const std::shared_ptr<const broadcast>& what) {
  auto found = rooms.find(what->room());
  if (found == rooms.end()) return;  // the last member has left in the meantime
  auto& in = found->second;
  if (in.epoch == what->epoch() && what->last() <= in.position) return;
  if (in.epoch == what->epoch() && what->first() <= in.position) {
    auto rest = what->items();
    std::erase_if(rest, [&in](const auto& item) { return item.message->seq <= in.position; });
    fan_out(std::make_shared<const broadcast>(std::move(rest), what->received(), &ctx.meters));
    return;
  }
  const bool hole = in.epoch != what->epoch() || what->first() != in.position + 1;
  in.epoch = what->epoch();
  in.position = what->last();
  last_block last;
  for (std::size_t i = 0; i < in.members.size(); ++i) {
    auto& to = *in.members[i];
    if (to.at != phase::live || !to.to) continue;
    if (hole) {  // the log has what is missing here
      to.at = phase::catching_up;
      runtime::tell(self, caf::actor{self}, feed{{in.members[i]}});
    } else {
      write(in, to, *what, last);
    }
  }
  watch.published(what->received());
}

void state::write(channel& in, subscription& to, const broadcast& what, last_block& last) {
  if (in.policy->slow == slow_member::latest || what.excludes(to.who.number))
    write_singles(in, to, what);
  else
    write_block(in, to, what, last);
}

void state::write_block(channel& in, subscription& to, const broadcast& what, last_block& last) {
  auto* out = to.to->out();
  if (!out) return;
  const auto messages = static_cast<std::uint32_t>(what.items().size());
  const auto& [block, compressed] = last.of(what, to.codec, to.to->compressor());
  const auto size = block->size();
  make_space(to, *out, size);
  auto verdict = out->push({.bytes = block,
                            .room = static_cast<runtime::room_key>(to.who.number),
                            .event = 0,
                            .first = what.first(),
                            .last = what.last(),
                            .messages = messages});
  if (refused(in, to, verdict, messages)) return;
  to.position = what.last();
  ctx.meters.sent(codecs::encoding_of(to.codec), messages, size, compressed);
}

void state::write_singles(channel& in, subscription& to, const broadcast& what) {
  auto* out = to.to->out();
  if (!out) return;
  for (std::size_t i = 0; i < what.items().size(); ++i) {
    const auto& item = what.items()[i];
    if (item.except != to.who.number) {
      auto [bytes, compressed] = what.single(i, to.codec, to.to->compressor());
      const auto size = bytes->size();
      make_space(to, *out, size);
      runtime::delivery one{.bytes = std::move(bytes),
                            .room = static_cast<runtime::room_key>(to.who.number),
                            .event = std::hash<std::string>{}(item.message->event),
                            .first = item.message->seq,
                            .last = item.message->seq,
                            .messages = 1};
      if (in.policy->slow == slow_member::latest) {
        const auto done = out->push_latest(std::move(one));
        if (done.messages != 0) ctx.meters.dropped(drop_reason::latest, done.messages);
        if (done.result == runtime::outbox::verdict::closed) return;
        if (done.result == runtime::outbox::verdict::queued)
          ctx.meters.sent(codecs::encoding_of(to.codec), 1, size, compressed);
      } else {
        if (refused(in, to, out->push(std::move(one)), 1)) return;
        ctx.meters.sent(codecs::encoding_of(to.codec), 1, size, compressed);
      }
    }
    to.position = item.message->seq;
  }
}

/// What fills an outbox may have come in this very turn: the socket is tried before its client is called slow.
void state::make_space(subscription& to, const runtime::outbox& out, std::size_t bytes) {
  const auto& bounds = out.bounds();
  if (out.bytes() + bytes > bounds.bytes_max || out.frames() >= bounds.frames_max) to.to->write_now();
}

/// Applies the policies `disconnect` and `spill` to a member whose outbox is full. True: nothing more goes to it now.
bool state::refused(channel& in, subscription& to, runtime::outbox::verdict why, std::uint32_t messages) {
  if (why == runtime::outbox::verdict::queued) return false;
  if (why == runtime::outbox::verdict::closed) return true;
  if (in.policy->slow == slow_member::spill) {
    to.at = phase::catching_up;
    to.to->feed_when_drained(in.members[to.place]);
  } else {
    ctx.meters.dropped(drop_reason::slow_consumer, messages);
    to.to->close(codecs::close_codes::slow_consumer, runtime::unsent::drop);
  }
  return true;
}

/// A member's turn: its resume is answered, or its outbox has drained.
void state::go_on(const subscription_ptr& who) {
  if (who->roster == roster_view::starved) who->roster = roster_view::unknown;
  if (who->at == phase::held || who->at == phase::catching_up) return feed_member(who);
  if (who->at != phase::live || who->roster != roster_view::unknown) return;
  if (auto found = rooms.find(who->room); found != rooms.end()) call_roll(found->second, who->room);
}

/// Writes from the log what the member lacks, as far as its outbox takes it.
void state::feed_member(const subscription_ptr& who) {
  auto found = rooms.find(who->room);
  if (found == rooms.end() || !who->to) return;
  who->at = phase::catching_up;
  auto* out = who->to->out();
  if (!out) return;
  if (who->position == found->second.position && who->epoch == found->second.epoch)
    return turn_live(found->second, *who);
  if (!out->below_half()) return who->to->feed_when_drained(who);
  pages.read(who, *found->second.policy, found->second.epoch,
             [this](const subscription_ptr& to, log_pages::page& page) { write_page(to, page); });
}

/// One page of the log. At the end the member is live, in the turn in which its position is the relay's.
void state::write_page(const subscription_ptr& who, log_pages::page& page) {
  auto found = rooms.find(who->room);
  if (found == rooms.end() || who->at != phase::catching_up || !who->to || !who->to->out()) return;
  if (!page.readable) return self->later(limits::feed_retry, feed{{who}});  // nothing is skipped
  switch (write_messages(ctx, *who, found->second.position, page)) {
    case written::some: return runtime::tell(self, caf::actor{self}, feed{{who}});  // other work first
    case written::all_that_fits: return who->to->feed_when_drained(who);
    case written::everything: return turn_live(found->second, *who);
  }
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, opts); }

}  // namespace greenroom::relay
