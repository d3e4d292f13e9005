#include "actors/dispatch.hpp"

#include <algorithm>

#include "actors/context.hpp"
#include "actors/offline_queue.hpp"
#include "actors/peer.hpp"
#include "actors/presence.hpp"
#include "actors/pressure.hpp"
#include "actors/refusal.hpp"
#include "actors/room.hpp"
#include "actors/router.hpp"
#include "actors/session.hpp"
#include "actors/worker_pool.hpp"
#include "codecs/arguments.hpp"
#include "runtime/log.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

namespace calls = codecs::calls;
using codecs::error_code;

std::string_view word(access::action what) {
  switch (what) {
    case access::action::join: return "room.join";
    case access::action::publish: return "room.publish";
    case access::action::read: return "room.read";
  }
  return {};
}

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
    if (!ctx_.channels.serves(what.room) && !allowed(access::action::join, what.room)) return;
    if (from_.rooms->closed()) return reply_(codecs::make_error(error_code::conflict, "the session has ended"));
    if (ctx_.channels.serves(what.room)) return open_channel(std::move(what.room), std::move(what.params));
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
    const auto* policy = allowed(access::action::publish, what.room);
    if (!policy || (policy->kind == room_kind::durable && short_of_memory())) return;
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
    runtime::tell(directory, std::move(message));
  }
  void operator()(calls::room_history& what) {
    if (!allowed(access::action::read, what.room)) return;
    const auto& directory = ctx_.rooms_of(what.room);
    runtime::tell(directory, room::history{std::move(what), reply_});
  }
  void operator()(calls::room_members& what) {
    if (!allowed(access::action::read, what.room)) return;
    const auto& directory = ctx_.rooms_of(what.room);
    runtime::tell(directory, room::members{std::move(what), reply_});
  }

  void operator()(calls::user_send& what) {
    if (drained() || short_of_memory()) return;
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
    runtime::tell(ctx_.shards.front().presence, presence::look{std::move(what.users), {}, reply_});
  }
  void operator()(calls::presence_watch& what) {
    if (connected()) runtime::tell(from_.session_actor, session::watch{std::move(what.users), reply_});
  }
  void operator()(calls::presence_unwatch& what) {
    if (connected()) runtime::tell(from_.session_actor, session::unwatch{std::move(what.users), reply_});
  }
  void operator()(calls::presence_online& what) {
    runtime::tell(ctx_.shards.front().presence, presence::list{std::move(what), {}, reply_});
  }
  void operator()(calls::service_register& what) {
    if (!connected() || drained()) return;
    if (auto why = access::check_worker(ctx_, from_.who)) {
      log_refusal(from_, "service.register", what.methods.front().name, why->code);
      return reply_(std::move(*why));
    }
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
    if (!drained()) route({}, std::move(what.method), std::move(what.params), router::kind::method);
  }
  void operator()(calls::channel_event& what) {
    if (!drained()) say_in_channel(std::move(what.channel), std::move(what.event), std::move(what.params));
  }
  void operator()(calls::inbox_open& what) {
    if (!connected()) return;
    if (what.user != from_.who.user.value)
      return reply_(codecs::make_error(error_code::forbidden, "this is the inbox of another user"));
    runtime::tell(from_.session_actor, session::take_inbox{session::take_inbox::way::open, reply_});
  }
  void operator()(calls::inbox_close&) {
    if (connected()) runtime::tell(from_.session_actor, session::take_inbox{session::take_inbox::way::close, reply_});
  }

 private:
  void route(std::string channel, std::string method, codecs::payload_ptr params, router::kind as) {
    runtime::tell(router(), router::request{.from = {from_.who.user, from_.session, from_.who.kind},
                                            .method = std::move(method),
                                            .params = std::move(params),
                                            .caller = from_.client,
                                            .reply = reply_,
                                            .kind = as,
                                            .channel = std::move(channel)});
  }
  /// Only who has opened a channel may speak in it. Where no service serves it, its events are methods.
  void say_in_channel(std::string channel, std::string event, codecs::payload_ptr params) {
    if (!ctx_.channels.serves(channel)) return route({}, std::move(event), std::move(params), router::kind::method);
    if (!from_.rooms || std::ranges::find(from_.rooms->channels, channel) == from_.rooms->channels.end())
      return reply_(codecs::make_error(error_code::not_found, "the session has not opened this channel"));
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
  /// The room's policy where it allows it; where not, the call is refused.
  const room_policy* allowed(access::action what, const std::string& room) {
    const auto& policy = ctx_.policies.of(room);
    auto why = access::check(from_.who, what, policy);
    if (!why) return &policy;
    log_refusal(from_, word(what), room, why->code);
    reply_(std::move(*why));
    return nullptr;
  }
  std::shared_ptr<codecs::envelope> draft(std::string& event, codecs::payload_ptr& body, const std::string& id) {
    auto message = std::make_shared<codecs::envelope>();
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
  return one;
}

void log_refusal(const caller& from, std::string_view method, std::string_view target, error_code why) {
  runtime::log::access({.peer = from.address,
                        .method = method,
                        .target = target,
                        .status = static_cast<int>(why),
                        .connection = from.client ? from.client->connection().id() : 0,
                        .session = from.session.value,
                        .user = from.who.user.value});
}

void dispatch(context& ctx, const caller& from, codecs::call what, answer reply) {
  std::visit(dispatcher{ctx, from, reply}, what);
}

}  // namespace greenroom
