#include "actors/session_rights.hpp"

#include <utility>
#include <vector>

#include "actors/context.hpp"
#include "actors/peer.hpp"
#include "actors/relay.hpp"
#include "actors/room.hpp"
#include "actors/session_channels.hpp"

namespace greenroom::session {
namespace {

using access::action;

codecs::pushes::room_notice forbidden_now(const std::string& room) {
  return {.room = room, .code = "forbidden", .from = {}, .to = {}, .epoch = {}};
}

void log(const options& opts, std::string_view method, const std::string& target, const std::string& why) {
  caller from;
  from.who = holder(opts);
  from.session = opts.id;
  from.client = opts.keep->client;
  if (from.client) from.address = from.client->address();
  log_refusal(opts.ctx, from, method, target, why, codecs::error_code::forbidden);
}

}  // namespace

principal holder(const options& opts) {
  auto who = opts.who;
  who.shown = opts.keep->shown;
  return who;
}

bool may_open(const options& opts, const std::string& channel) {
  const auto why = access::check(opts.ctx, holder(opts), action::call, channel);
  if (why) log(opts, "service.call", channel, *why);
  return !why;
}

session_rights::session_rights(runtime::actor_base* self, const options& opts, session_channels& channels)
    : self_{self}, opts_{opts}, channels_{channels} {}

bool session_rights::lets_in(const std::string& room) const {
  const auto why = access::check(opts_.ctx, holder(opts_), action::join, room, opts_.ctx.policies.of(room));
  if (why) log(opts_, "session.open", room, *why);
  return !why;
}

void session_rights::resume() {
  end_channels([](const std::string&) { return true; },
               [this](const codecs::push& what) { opts_.keep->opening->held.push_back(what); });
  const auto who = holder(opts_);
  for (const auto& user : opts_.keep->rooms->watched.users())
    if (access::check(opts_.ctx, who, action::presence, user)) opts_.keep->rooms->watched.remove(user);
}

std::vector<std::string> session_rights::replace(const permitted& m) {
  const auto before = holder(opts_);
  opts_.keep->shown = m.shown;
  const auto now = holder(opts_);
  auto& ctx = opts_.ctx;
  for (const auto& one : std::vector<subscription_ptr>{opts_.keep->rooms->all()}) {
    const auto& policy = ctx.policies.of(one->room);
    const auto why = access::check(ctx, now, action::join, one->room, policy);
    if (why && !access::check(ctx, before, action::join, one->room, policy))
      end(one, *why);
    else
      look_around(one);
  }
  end_channels([&](const std::string& channel) { return !access::check(ctx, before, action::call, channel); },
               [this](const codecs::push& what) {
                 if (opts_.keep->client) opts_.keep->client->push(what);
               });
  auto unseen = opts_.keep->rooms->watched.users();
  std::erase_if(unseen, [&](const auto& user) { return !access::check(ctx, now, action::presence, user); });
  return unseen;
}

/// The relay, on this thread, gives it nothing from here on; the room hears that it has left.
void session_rights::end(const subscription_ptr& one, const std::string& why) {
  log(opts_, "session.refresh", one->room, why);
  opts_.ctx.meters.membership_revoked();
  one->left = true;
  one->at = phase::gone;
  opts_.keep->rooms->remove(one->room);
  runtime::tell(caf::actor{self_}, rooms_changed{});
  runtime::tell(self_, opts_.ctx.rooms_of(one->room), room::leave{one, {}});
  if (opts_.keep->client) opts_.keep->client->push(forbidden_now(one->room));
}

void session_rights::end_channels(const std::function<bool(const std::string&)>& were_allowed,
                                  const std::function<void(const codecs::push&)>& tell) {
  for (const auto& each : std::vector<std::string>{opts_.keep->rooms->channels}) {
    const auto why = access::check(opts_.ctx, holder(opts_), action::call, each);
    if (!why || !were_allowed(each)) continue;
    log(opts_, "session.refresh", each, *why);
    opts_.ctx.meters.membership_revoked();
    channels_.drop(each);
    tell(forbidden_now(each));
  }
}

/// Whether it may see who is in the room may be another answer now.
void session_rights::look_around(const subscription_ptr& one) {
  const auto view = view_of(opts_.ctx, holder(opts_), one->room);
  if (view == roster_view::hidden) {
    one->roster = view;
  } else if (one->roster == roster_view::hidden) {
    one->roster = view;
    runtime::tell(self_, opts_.ctx.shards[opts_.shard].relay, relay::feed{{one}});
  }
}

}  // namespace greenroom::session
