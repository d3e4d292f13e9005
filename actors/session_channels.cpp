#include "actors/session_channels.hpp"

#include <algorithm>
#include <utility>

#include "actors/context.hpp"
#include "actors/dispatch.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"
#include "actors/room.hpp"
#include "actors/router.hpp"
#include "actors/session_directory.hpp"
#include "actors/session_rights.hpp"
#include "codecs/limits.hpp"
#include "codecs/names.hpp"

namespace greenroom::session {
namespace {

using codecs::error_code;

codecs::error no_client() { return codecs::make_error(error_code::unavailable, "the session is not connected"); }

/// Brings a room's answer back to the session, which owes it to a behaviour.
class to_session final : public replier {
 public:
  to_session(caf::actor session, std::uint64_t number) : session_{std::move(session)}, number_{number} {}
  void reply(const codecs::reply_ref&, codecs::outcome what) override {
    runtime::tell(session_, moved{number_, std::move(what)});
  }

 private:
  caf::actor session_;
  std::uint64_t number_;
};

}  // namespace

session_channels::session_channels(runtime::actor_base* self, const options& opts) : self_{self}, opts_{opts} {}

caf::message_handler session_channels::refusing() {
  return {
      [](const open_channel& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const close_channel& m) { m.reply(codecs::make_error(error_code::conflict)); },
      [](const move_member&) { return move_member::reply{no_client()}; },
      [](const moved&) {},
  };
}

// --- channels

void session_channels::ask_service(const std::string& channel, codecs::payload_ptr payload,
                                   std::function<void(codecs::outcome)> done) {
  runtime::ask(self_, opts_.ctx.shards[opts_.shard].router, limits::channel_open_timeout + limits::ask_timeout,
               router::ask{.from = me(),
                           .method = channel,
                           .params = std::move(payload),
                           .limit = limits::channel_open_timeout,
                           .caller = opts_.keep->client,
                           .kind = router::kind::open,
                           .channel = channel})
      .then([done](const router::ask::reply& r) { done(r.what); },
            [done](const caf::error& why) { done(session_directory::explain(why)); });
}

void session_channels::welcome(const std::function<void(std::optional<codecs::error>)>& done) {
  const auto& channel = opts_.keep->opening->channel;
  if (channel.empty() || !opts_.ctx.channels.serves(channel)) return done(std::nullopt);
  if (!may_open(opts_, channel)) return done(access::forbidden());
  ask_service(channel, opts_.keep->opening->payload, [this, channel, done](codecs::outcome what) {
    if (auto* why = std::get_if<codecs::error>(&what)) return done(std::move(*why));
    auto& mine = opts_.keep->rooms->channels;
    if (std::ranges::find(mine, channel) == mine.end()) mine.push_back(channel);
    done(std::nullopt);
  });
}

void session_channels::open(const open_channel& m) {
  auto& mine = opts_.keep->rooms->channels;
  if (std::ranges::find(mine, m.channel) == mine.end() && mine.size() >= limits::session_channels_max)
    return m.reply(codecs::make_error(error_code::too_large, "the session has as many channels open as it may"));
  ask_service(m.channel, m.payload, [this, m](codecs::outcome what) {
    auto& mine = opts_.keep->rooms->channels;
    const bool let_in = std::holds_alternative<codecs::result>(what);
    if (let_in && std::ranges::find(mine, m.channel) == mine.end()) mine.push_back(m.channel);
    m.reply(std::move(what));
  });
}

void session_channels::close(const close_channel& m) {
  auto& mine = opts_.keep->rooms->channels;
  if (std::erase(mine, m.channel) == 0)
    return m.reply(codecs::make_error(error_code::not_found, "the session has not opened this channel"));
  tell_service(m.channel);
  m.reply(codecs::result{codecs::results::nothing{}});
}

void session_channels::drop(const std::string& channel) {
  if (std::erase(opts_.keep->rooms->channels, channel) != 0) tell_service(channel);
}

void session_channels::tell_service(const std::string& channel) {
  runtime::tell(self_, opts_.ctx.shards[opts_.shard].router,
                router::request{.from = me(),
                                .method = channel,
                                .params = nullptr,
                                .caller = nullptr,
                                .reply = {},
                                .kind = router::kind::close,
                                .channel = channel});
}

void session_channels::end() {
  for (const auto& each : std::exchange(opts_.keep->rooms->channels, {})) tell_service(each);
}

// --- rooms

void session_channels::move(const move_member& m) {
  runtime::promise<move_member> owed{self_};
  if (!opts_.keep->client || opts_.keep->rooms->closed()) return owed.deliver(move_member::reply{no_client()});
  const bool joins = m.where == move_member::way::join;
  if (joins && opts_.keep->opening && opts_.keep->rooms->find(m.room))  // resumed: a new one would miss what was missed
    return owed.deliver(move_member::reply{codecs::result{codecs::results::nothing{}}});
  if (!moves_) moves_ = std::make_unique<moves>();
  if (moves_->open.size() >= limits::requests_in_flight_max)
    return owed.deliver(move_member::reply{codecs::make_error(error_code::unavailable, "too many moves at once")});
  if (!codecs::is_name(m.room, codecs::limits::room_bytes_max))
    return owed.deliver(move_member::reply{codecs::make_error(error_code::invalid_params, "no room has this name")});
  moves_->open.emplace(++moves_->last, std::move(owed));
  answer reply{opts_.ctx,
               std::make_shared<to_session>(caf::actor{self_}, moves_->last),
               {.id = "-"},
               joins ? "room.join" : "room.leave"};
  joins ? join(m.room, std::move(reply)) : leave(m.room, std::move(reply));
}

void session_channels::settle(const moved& m) {
  if (!moves_) return;  // of an earlier life
  if (auto owed = moves_->open.extract(m.number)) owed.mapped().deliver(move_member::reply{m.what});
}

void session_channels::join(const std::string& room, answer reply) {
  auto one = new_member(opts_.ctx, room, holder(opts_), opts_.id, opts_.keep->client);
  one->waits = opts_.keep->opening != nullptr;
  if (!opts_.keep->rooms->add(one))
    return reply(codecs::make_error(error_code::too_large, "the session is in as many rooms as it may be"));
  runtime::tell(caf::actor{self_}, rooms_changed{});
  runtime::tell(self_, opts_.ctx.rooms_of(room), room::join{std::move(one), std::nullopt, std::move(reply)});
}

void session_channels::leave(const std::string& room, answer reply) {
  auto one = opts_.keep->rooms->find(room);
  if (!one) return reply(codecs::make_error(error_code::not_found, "the session is not in this room"));
  one->left = true;
  opts_.keep->rooms->remove(room);
  runtime::tell(caf::actor{self_}, rooms_changed{});
  runtime::tell(self_, opts_.ctx.rooms_of(room), room::leave{std::move(one), std::move(reply)});
}

}  // namespace greenroom::session
