#include "actors/dispatch.hpp"

#include <algorithm>

#include "actors/audit_trail.hpp"
#include "actors/context.hpp"
#include "actors/offline_queue.hpp"
#include "actors/pass.hpp"
#include "actors/peer.hpp"
#include "actors/presence.hpp"
#include "actors/pressure.hpp"
#include "actors/refusal.hpp"
#include "actors/room.hpp"
#include "actors/router.hpp"
#include "actors/schemas.hpp"
#include "actors/session.hpp"
#include "actors/worker_pool.hpp"
#include "codecs/arguments.hpp"
#include "runtime/log.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

namespace calls = codecs::calls;
using codecs::error_code;

/// Sends one call on its way; one overload a method.
class dispatcher {
 public:
  dispatcher(context& ctx, const caller& from, answer& reply) : ctx_{ctx}, from_{from}, reply_{reply} {}

  void operator()(calls::session_open&) {
    reply_(codecs::make_error(error_code::conflict, "this connection has its session"));
  }
  void operator()(calls::session_refresh&) {
    connected();  // its connection has answered it already: that is what a token admits
  }
  void operator()(calls::session_close&) {
    if (connected()) runtime::tell(from_.session_actor, session::close{reply_});
  }

  void operator()(calls::room_join& what) {
    if (!connected() || drained()) return;
    const bool channel = ctx_.channels.serves(what.room);
    if (channel ? !allowed(access::action::call, "service.call", what.room)
                : !allowed_in(access::action::join, "room.join", what.room))
      return;
    if (from_.rooms->closed()) return reply_(codecs::make_error(error_code::conflict, "the session has ended"));
    audit_trail::used(ctx_, from_, "room.join", what.room);
    if (channel) return open_channel(std::move(what.room), std::move(what.params));
    auto one = new_member(ctx_, std::move(what.room), from_.who, from_.session, from_.client);
    one->who.presence = std::move(what.presence);
    if (what.tells_position) one->codec = codecs::codec_id::phoenix_positions;
    if (!from_.rooms->add(one))
      return reply_(codecs::make_error(error_code::too_large, "the session is in as many rooms as it may be"));
    runtime::tell(from_.session_actor, session::rooms_changed{});
    const auto& directory = ctx_.rooms_of(one->room);
    runtime::tell(directory, room::join{std::move(one), std::move(what.since), reply_, std::move(what.params)});
  }
  void operator()(calls::room_leave& what) {
    if (!connected()) return;
    if (ctx_.channels.serves(what.room))
      return runtime::tell(from_.session_actor, session::close_channel{std::move(what.room), reply_});
    auto one = from_.rooms->find(what.room);
    if (!one) return reply_(codecs::make_error(error_code::not_found, "the session is not in this room"));
    one->left = true;
    from_.rooms->remove(what.room);
    runtime::tell(from_.session_actor, session::rooms_changed{});
    runtime::tell(ctx_.rooms_of(what.room), room::leave{std::move(one), reply_});
  }

  void operator()(calls::room_publish& what) {
    if (drained()) return;
    if (ctx_.channels.serves(what.room))
      return say_in_channel(std::move(what.room), std::move(what.event), codecs::as_params(std::move(what.body)));
    const auto* policy = allowed_in(access::action::publish, "room.publish", what.room);
    if (!policy || (policy->kind == room_kind::durable && short_of_memory())) return;
    if (ctx_.schemas && refused(ctx_.schemas->of_event(policy->name, what.event, what.body))) return;
    room::publish message{.draft = draft(what.event, what.body, what.id),
                          .wanted = what.ack,
                          .sender = sender(),
                          .client_id = !what.id.empty(),
                          .except = incarnation::none,
                          .by = nullptr,
                          .reply = reply_};
    message.draft->room = std::move(what.room);
    if (!policy->behaviour.empty())
      message.by = std::make_shared<const party>(party{from_.who.user, from_.session, from_.who.kind});
    if (!what.echo && from_.rooms)
      if (auto mine = from_.rooms->find(message.draft->room)) message.except = mine->who.number;
    const auto& directory = ctx_.rooms_of(message.draft->room);
    pass(directory, std::move(message));
  }
  void operator()(calls::room_history& what) {
    if (!allowed_in(access::action::read, "room.history", what.room)) return;
    const auto& directory = ctx_.rooms_of(what.room);
    runtime::tell(directory, room::history{std::move(what), reply_});
  }
  void operator()(calls::room_members& what) {
    if (!allowed_in(access::action::members, "room.members", what.room)) return;
    const auto& directory = ctx_.rooms_of(what.room);
    runtime::tell(directory, room::members{std::move(what), reply_});
  }

  void operator()(calls::user_send& what) {
    if (drained() || short_of_memory() || !allowed(access::action::send, "user.send", what.to)) return;
    const auto& queue = ctx_.queue_of(what.to);
    runtime::tell(queue, offline_queue::send{.to = user_id{std::move(what.to)},
                                             .draft = draft(what.event, what.body, what.id),
                                             .sender = sender(),
                                             .client_id = !what.id.empty(),
                                             .ttl_s = what.ttl_s,
                                             .reply = reply_});
  }
  void operator()(calls::inbox_ack& what) {
    if (connected()) runtime::tell(from_.session_actor, session::inbox_ack{what.upto, reply_});
  }
  void operator()(calls::presence_set& what) {
    if (connected() && !drained()) runtime::tell(from_.session_actor, session::set_presence{std::move(what), reply_});
  }
  void operator()(calls::presence_get& what) {
    if (!sees("presence.get", what.users)) return;
    runtime::tell(ctx_.shards.front().presence, presence::look{std::move(what.users), {}, reply_});
  }
  void operator()(calls::presence_watch& what) {
    if (!connected() || !sees("presence.watch", what.users)) return;
    runtime::tell(from_.session_actor, session::watch{std::move(what.users), reply_});
  }
  void operator()(calls::presence_unwatch& what) {
    if (!connected() || !sees("presence.unwatch", what.users)) return;  // its answer says who is there
    runtime::tell(from_.session_actor, session::unwatch{std::move(what.users), reply_});
  }
  void operator()(calls::presence_online& what) {
    if (!allowed(access::action::presence, "presence.online", access::everybody)) return;
    runtime::tell(ctx_.shards.front().presence, presence::list{std::move(what), {}, reply_});
  }
  void operator()(calls::service_register& what) {
    if (!connected() || drained()) return;
    if (!allowed(access::action::work, "service.register", what.methods.front().name)) return;
    runtime::tell(ctx_.workers, worker_pool::enlist{.session = from_.session,
                                                    .user = from_.who.user,
                                                    .talks = from_.session_actor,
                                                    .connection = from_.client->connection(),
                                                    .what = std::move(what),
                                                    .reply = reply_});
  }
  void operator()(calls::service_unregister& what) {
    if (connected())
      runtime::tell(ctx_.workers, worker_pool::dismiss{from_.client->connection(), std::move(what.methods), reply_});
  }
  void operator()(calls::discover&) { runtime::tell(router(), router::discover{reply_}); }
  void operator()(calls::other& what) {
    if (!drained()) call_method(std::move(what.method), std::move(what.params));
  }
  void operator()(calls::channel_event& what) {
    if (!drained()) say_in_channel(std::move(what.channel), std::move(what.event), std::move(what.params));
  }
  void operator()(calls::inbox_open& what) {
    if (!connected()) return;
    if (what.user != from_.who.user.value)
      return refuse("inbox.open", what.user, "it is the inbox of another user than " + from_.who.user.value);
    runtime::tell(from_.session_actor, session::take_inbox{session::take_inbox::way::open, reply_});
  }
  void operator()(calls::inbox_close&) {
    if (connected()) runtime::tell(from_.session_actor, session::take_inbox{session::take_inbox::way::close, reply_});
  }

 private:
  void route(std::string channel, std::string method, codecs::payload_ptr params, router::kind as) {
    audit_trail::used(ctx_, from_, "call", method);
    pass(router(), router::request{.from = {from_.who.user, from_.session, from_.who.kind},
                                   .method = std::move(method),
                                   .params = std::move(params),
                                   .caller = from_.client,
                                   .reply = reply_,
                                   .kind = as,
                                   .channel = std::move(channel)});
  }
  void call_method(std::string method, codecs::payload_ptr params) {
    if (!allowed(access::action::call, "service.call", method)) return;
    if (ctx_.schemas && refused(ctx_.schemas->of_method(method, params))) return;
    route({}, std::move(method), std::move(params), router::kind::method);
  }
  /// Whether there is a reason against the call; then its caller has heard it.
  bool refused(std::optional<codecs::error> why) {
    if (why) reply_(std::move(*why));
    return why.has_value();
  }
  /// Only who has opened a channel may speak in it. Where no service serves it, its events are methods.
  void say_in_channel(std::string channel, std::string event, codecs::payload_ptr params) {
    if (!ctx_.channels.serves(channel)) return call_method(std::move(event), std::move(params));
    if (!from_.rooms || std::ranges::find(from_.rooms->channels, channel) == from_.rooms->channels.end())
      return reply_(codecs::make_error(error_code::not_found, "the session has not opened this channel"));
    if (!allowed(access::action::call, "service.call", channel)) return;
    if (ctx_.schemas && refused(ctx_.schemas->of_channel_event(ctx_.policies.of(channel).name, event, params))) return;
    route(std::move(channel), std::move(event), std::move(params), router::kind::event);
  }
  void open_channel(std::string channel, codecs::payload_ptr payload) {
    runtime::tell(from_.session_actor, session::open_channel{std::move(channel), std::move(payload), reply_});
  }
  /// Whether there is a connection; where not, the call is refused.
  bool connected() {
    if (from_.client) return true;
    reply_(codecs::make_error(error_code::invalid_request, "this method needs a connection: use /ws"));
    return false;
  }
  /// Of the caller's shard, which is this one.
  const caf::actor& router() const {
    const auto* here = runtime::shard::current();
    return ctx_.shards[from_.client ? from_.client->shard() : here ? here->id() : 0].router;
  }
  bool drained() {
    if (ctx_.at.load(std::memory_order_relaxed) != stage::draining) return false;
    reply_(codecs::make_error(error_code::draining));
    return true;
  }
  /// Nothing more is stored then.
  bool short_of_memory() {
    if (!ctx_.pressure || !ctx_.pressure->at_least(pressure_level::writes)) return false;
    ctx_.pressure->gave_up(shed::writes);
    reply_(memory_is_short());
    return true;
  }
  /// The room's policy where the caller may; where not, the call is refused.
  const room_policy* allowed_in(access::action what, std::string_view method, const std::string& room) {
    const auto& policy = ctx_.policies.of(room);
    const auto why = access::check(ctx_, from_.who, what, room, policy);
    if (!why) return &policy;
    refuse(method, room, *why);
    return nullptr;
  }
  /// Whether the caller may; where not, the call is refused.
  bool allowed(access::action what, std::string_view method, std::string_view target) {
    const auto why = access::check(ctx_, from_.who, what, target);
    if (why) refuse(method, target, *why);
    return !why;
  }
  bool sees(std::string_view method, const std::vector<std::string>& users) {
    return std::ranges::all_of(users,
                               [&](const auto& each) { return allowed(access::action::presence, method, each); });
  }
  void refuse(std::string_view method, std::string_view target, std::string_view reason) {
    log_refusal(ctx_, from_, method, target, reason, error_code::forbidden);
    reply_(access::forbidden());
  }
  std::shared_ptr<codecs::envelope> draft(std::string& event, codecs::payload_ptr& body, const std::string& id) {
    auto message = codecs::make_recycled<codecs::envelope>();
    message->event = std::move(event);
    message->body = std::move(body);
    message->id = id.empty() ? ctx_.next_message_id() : id;
    message->from = from_.who.user.value;
    return message;
  }
  /// Whose ids the client's ids are.
  std::string sender() const {
    return from_.who.kind == identity::anonymous && !from_.session.empty() ? from_.session.value : from_.who.user.value;
  }

  context& ctx_;
  const caller& from_;
  answer& reply_;
};

}  // namespace

subscription_ptr new_member(context& ctx, std::string room, const principal& who, const session_id& session,
                            std::shared_ptr<peer> client) {
  auto one = std::make_shared<subscription>();
  one->room = std::move(room);
  one->who = {.session = session,
              .user = who.user,
              .kind = who.kind,
              .number = ctx.next_incarnation(),
              .shard = client->shard(),
              .since_ms = ctx.now_ms(),
              .presence = nullptr};
  one->codec = client->codec();
  one->to = std::move(client);
  one->roster = view_of(ctx, who, one->room);
  return one;
}

roster_view view_of(const context& ctx, const principal& who, std::string_view room) {
  return access::check(ctx, who, access::action::members, room, ctx.policies.of(room)) ? roster_view::hidden
                                                                                       : roster_view::unknown;
}

void log_refusal(context& ctx, const caller& from, std::string_view method, std::string_view target,
                 std::string_view reason, error_code code) {
  ctx.meters.refused(method);
  runtime::log::access({.peer = from.address,
                        .method = method,
                        .target = target,
                        .status = static_cast<int>(code),
                        .connection = from.client ? from.client->connection().id() : 0,
                        .session = from.session.value,
                        .user = from.who.user.value,
                        .reason = reason});
  constexpr std::string_view opens = "session.open";  // access has recorded that, and knows better why
  if (method != opens) audit_trail::refused(ctx, from, method, target, reason, code);
}

void dispatch(context& ctx, const caller& from, codecs::call what, answer reply) {
  std::visit(dispatcher{ctx, from, reply}, what);
}

}  // namespace greenroom
