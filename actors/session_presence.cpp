#include "actors/session_presence.hpp"

#include <algorithm>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"

namespace greenroom {

namespace results = codecs::results;
using codecs::error_code;

session_presence::session_presence(runtime::actor_base* self, const session::options& opts, std::function<void()> save)
    : self_{self}, opts_{opts}, save_{std::move(save)} {}

session_presence::by_shard session_presence::split(const std::vector<std::string>& users) const {
  by_shard parts(ctx().shards.size());
  for (const auto& user : users) parts[presence::shard_of(user, parts.size())].push_back(user);
  return parts;
}

// --- the session itself

void session_presence::begin() {
  if (keep().opening) return track(presence::registration::fresh, {});
  for (std::size_t shard = 0; shard < ctx().shards.size(); ++shard) ask_again(shard);
}

void session_presence::opened() {
  for (std::size_t shard = 0; shard < ctx().shards.size(); ++shard) ask_again(shard);
}

void session_presence::rest() {
  unfinished_.reset();
  watched().connection_lost();
  if (watched().size() == 0) return;
  for (const auto& each : ctx().shards) runtime::tell(self_, each.presence, presence::rest{caf::actor{self_}});
}

void session_presence::move() {
  runtime::tell(self_, ctx().presence_of(opts_.who.user.value),
                presence::moving{opts_.who.user, opts_.id, caf::actor{self_}});
}

void session_presence::register_again(std::size_t shard) {
  if (presence::shard_of(opts_.who.user.value, ctx().shards.size()) == shard) track(presence::registration::again, {});
  ask_again(shard);
}

void session_presence::track(presence::registration why, const answer& reply) {
  runtime::tell(self_, ctx().presence_of(opts_.who.user.value),
                presence::track{.user = opts_.who.user,
                                .session = opts_.id,
                                .actor = caf::actor{self_},
                                .words = keep().words,
                                .why = why,
                                .reply = reply});
}

void session_presence::set(const session::set_presence& m) {
  keep().words = std::make_shared<const presence_words>(
      presence_words{m.what.status, m.what.location, m.what.meta, ctx().next_stamp()});
  save_();
  track(presence::registration::fresh, m.reply);
}

// --- whom it watches

void session_presence::watch(const session::watch& m) {
  auto what = std::make_shared<question>();
  for (const auto& user : m.users)
    if (!watched().contains(user)) what->fresh.push_back(user);
  if (watched().size() + what->fresh.size() > ctx().config.presence.watches_max) {
    ctx().meters.watch_refused();
    return m.reply(codecs::make_error(error_code::too_large, "the session watches as many users as it may"));
  }
  for (const auto& user : what->fresh) watched().add(user);
  save_();
  what->reply = m.reply;
  open().questions.push_back(what);
  auto parts = split(m.users);
  what->open = 1;  // until all are asked
  for (std::size_t shard = 0; shard < parts.size(); ++shard)
    if (!parts[shard].empty()) ask(what, shard, std::move(parts[shard]));
  settle(what);
}

void session_presence::ask(const std::shared_ptr<question>& what, std::size_t shard, std::vector<std::string> users) {
  ++what->open;
  runtime::ask(self_, ctx().shards[shard].presence, limits::ask_timeout,
               presence::watch{caf::actor{self_}, std::move(users)})
      .then(
          [this, what](const presence::watch::reply& r) {
            what->refused = what->refused || !r.accepted;
            for (const auto& each : r.now) what->now[each->user] = each;
            settle(what);
          },
          [this, what](const caf::error&) {
            what->refused = true;
            settle(what);
          });
}

/// Answers when the last shard has.
void session_presence::settle(const std::shared_ptr<question>& what) {
  if (--what->open != 0 || !unfinished_ || std::erase(open().questions, what) == 0) return;  // its connection is gone
  if (what->refused) {
    for (const auto& user : what->fresh) watched().remove(user);
    auto parts = split(what->fresh);
    for (std::size_t shard = 0; shard < parts.size(); ++shard)
      runtime::tell(self_, ctx().shards[shard].presence, presence::unwatch{caf::actor{self_}, std::move(parts[shard])});
    return what->reply(codecs::make_error(error_code::unavailable, "these users cannot be watched now"));
  }
  results::presence_states all;
  for (const auto& [user, change] : what->now) {
    all.users.emplace_back(user, change->now());
    watched().tell(user, change->digest);
  }
  what->reply(codecs::result{std::move(all)});
}

void session_presence::unwatch(const session::unwatch& m) {
  for (const auto& user : m.users) {
    watched().remove(user);
    if (unfinished_) open().late.erase(user);
  }
  save_();
  auto parts = split(m.users);
  for (std::size_t shard = 0; shard < parts.size(); ++shard)
    if (!parts[shard].empty())
      runtime::tell(self_, ctx().shards[shard].presence, presence::unwatch{caf::actor{self_}, std::move(parts[shard])});
  runtime::tell(self_, ctx().shards.front().presence, presence::look{m.users, {}, m.reply});
}

/// Watches once more what it watches on that shard, and tells the client what is another than it was told.
void session_presence::ask_again(std::size_t shard) {
  if (!attached()) return;
  auto users = std::move(split(watched().users())[shard]);
  if (users.empty()) return;
  auto later = [this, shard] { self_->later(limits::watch_retry, session::ask_again{shard}); };
  runtime::ask(self_, ctx().shards[shard].presence, limits::ask_timeout,
               presence::watch{caf::actor{self_}, std::move(users)})
      .then(
          [this, later](const presence::watch::reply& r) {
            if (!r.accepted) return later();
            hear({r.now});
          },
          [later](const caf::error&) { later(); });
}

void session_presence::hear(const session::seen& m) {
  if (!attached()) return;
  for (const auto& change : m.changes) {
    bool answers = false;
    for (const auto& each : open().questions)
      if (auto found = each->now.find(change->user); found != each->now.end()) {
        found->second = change;  // the answer to come brings it
        answers = true;
      }
    if (!answers) send(change);
  }
}

void session_presence::send(const presence::change_ptr& what) {
  auto* out = keep().client->out();
  if (!out || !watched().contains(what->user)) return;
  if (!out->below_half()) {
    auto& late = open().late;
    if (late.empty()) self_->later(std::chrono::milliseconds{ctx().config.presence.interval_ms}, session::send_late{});
    if (!late.insert_or_assign(what->user, what).second) ctx().meters.dropped(drop_reason::presence, 1);
    return;
  }
  open().late.erase(what->user);
  if (watched().tell(what->user, what->digest)) keep().client->push_frame(what->push.frame(keep().client->codec()));
}

void session_presence::send_late() {
  if (!attached()) return;
  for (const auto& [user, change] : std::exchange(open().late, {})) send(change);
}

}  // namespace greenroom
