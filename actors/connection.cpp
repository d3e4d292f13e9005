#include "actors/connection.hpp"

#include <algorithm>
#include <iterator>
#include <vector>

#include "actors/audit_trail.hpp"
#include "actors/client_limits.hpp"
#include "actors/context.hpp"
#include "actors/dispatch.hpp"
#include "actors/key_fetcher.hpp"
#include "actors/limits.hpp"
#include "actors/peer.hpp"
#include "actors/revocations.hpp"
#include "actors/room.hpp"
#include "actors/router.hpp"
#include "actors/session.hpp"
#include "actors/session_directory.hpp"
#include "actors/session_rights.hpp"
#include "actors/tokens.hpp"
#include "actors/turn_line.hpp"
#include "codecs/jwt.hpp"
#include "codecs/jwt_kid.hpp"
#include "runtime/log.hpp"
#include "runtime/shared_behavior.hpp"
#include "runtime/token_bucket.hpp"

namespace greenroom::connection {
namespace {

struct look_again {};         ///< To itself, while the node drains: has everything been answered?
struct look_at_admission {};  ///< To itself, while it has no session: does what its handshake has shown still count?
struct look_at_token {
  std::uint32_t number = 0;
};  ///< To itself: its token ends soon, or now. Of an earlier token: ignored.

}  // namespace
}  // namespace greenroom::connection

GREENROOM_MESSAGE(greenroom::connection::look_again)
GREENROOM_MESSAGE(greenroom::connection::look_at_admission)
GREENROOM_MESSAGE(greenroom::connection::look_at_token)

namespace greenroom::connection {
namespace {

using codecs::error_code;

constexpr std::chrono::milliseconds drain_look{5};
constexpr std::chrono::seconds admission_look{1};

enum class stage : std::uint8_t { unopened, opening, open, over };

/// Collects the answers of a batch; they leave as one array when the last is there.
class batch final : public replier {
 public:
  batch(std::shared_ptr<peer> client, codecs::format in) : client_{std::move(client)}, in_{in} {
    client_->batch_began();
  }

  void expect() { ++open_; }
  void complete() { finish(); }  ///< all calls have been read
  void reply(const codecs::reply_ref& to, codecs::outcome what) override {
    client_->call_ended();
    if (to.wants_answer()) bodies_.push_back(client_->dialogue().encode_reply(to, what, codecs::framing::bare));
    finish();
  }
  void leave_unknown(const codecs::reply_ref& to) override { client_->leave_unknown(to); }

 private:
  void finish() {
    if (--open_ != 0) return;
    if (!bodies_.empty()) {
      auto bytes = client_->dialogue().encode_batch(in_, bodies_, codecs::framing::websocket);
      client_->push_frame(std::make_shared<const std::string>(std::move(bytes)));
    }
    client_->batch_ended();
  }
  std::shared_ptr<peer> client_;
  codecs::format in_;
  std::size_t open_ = 1;  ///< answers to come, and one for the end of the batch
  std::vector<std::string> bodies_;
};

struct held_call {
  codecs::call what;
  answer reply;
};

}  // namespace

struct state final : codecs::sink {
  static inline const char* name = "connection";
  state(runtime::actor_base* s, const options& o) : self{s}, opts{o}, ctx{o.ctx}, client{o.client}, place{s} {}
  ~state();
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  caf::behavior start();
  void read(std::size_t free = 0);
  turn_line& line() const noexcept { return *ctx.shards[client->shard()].line; }
  bool floods() const { return client->limits() && client->limits()->floods(self->now()); }
  std::size_t share();
  std::size_t travel();
  void step_down();
  bool admitted() const noexcept { return opts.came && opts.came->admitted; }
  bool opens_by_itself() const noexcept { return opts.came && opts.came->opening; }
  void route(codecs::call what, answer reply);
  void open_session(codecs::calls::session_open what, answer reply, session_directory::wish wish);
  template <class Then>
  bool looks_for_key(const std::string& token, Then then);
  void pass_on(codecs::call what, answer reply);
  void refresh(const codecs::calls::session_refresh& what, const answer& reply);
  void watch_token();
  void watch_admission();
  access::source whence() const { return {opts.from, client->address()}; }
  void refuse_stranger(std::string_view method, const answer& reply, codecs::error why);
  void let_go();
  void drain();
  void end(codecs::close_code why, std::string_view sentence = {}, farewell how = farewell::session);
  answer expect_answer(codecs::reply_ref ref, std::string_view method);
  bool within_limits(limited what, const answer& reply);
  bool may_connect(const principal& user, const answer& reply);
  void leave_limits() {
    if (client->limits()) client->limits()->leave();
  }

  // codecs::sink
  void on_call(codecs::reply_ref ref, codecs::call what) override;
  void on_bad_call(codecs::reply_ref ref, codecs::error why) override;
  void on_settled(codecs::reply_ref ref, codecs::outcome what) override;
  void on_answer(std::string id, codecs::outcome what) override;
  void on_batch_begin(codecs::format in) override { current_batch = std::make_shared<batch>(client, in); }
  void on_batch_end() override {
    current_batch->complete();
    current_batch.reset();
  }

  runtime::actor_base* self;
  const options& opts;
  context& ctx;
  const std::shared_ptr<peer>& client;  ///< of the options
  connection::stage at = connection::stage::unopened;
  bool token_told = false;  ///< that it ends soon
  bool has_looked = false;  ///< for the key of the token that is being verified
  bool travels = false;     ///< its `wait_turn`: what it has said in this turn is on its way
  std::uint32_t token_looks = 0;
  std::uint32_t said = 0;  ///< with the frame that is being read: what it takes of a turn
  caller who;
  std::int64_t token_ends_ms = 0;  ///< 0: never, or it has none
  std::shared_ptr<const credential> shown{};
  peer::inputs backlog;  ///< from `decoded` on; an empty std::deque would hold 576 bytes
  std::size_t decoded = 0;
  turn_line::place place;             ///< among those that have much to say
  runtime::token_bucket out_of_turn;  ///< what it may say while others wait for theirs
  std::vector<held_call> held;
  std::shared_ptr<batch> current_batch;
  caf::actor_clock::time_point draining_since = caf::actor_clock::time_point::max();  ///< max: it does not
};

caf::behavior state::start() {
  client->heard_by(caf::actor{self});
  if (opens_by_itself() && self->life() == 0)
    open_session(*opts.came->opening, {}, session_directory::wish::implicit_session);
  else if (admitted())
    self->later(admission_look, look_at_admission{});
  static const auto handlers = runtime::shared_behavior<state, options>(
      [](state& my, const input&) { my.read(); },
      [](state& my, const opened& m) {
        my.who = {.who = m.who,
                  .session = m.id,
                  .session_actor = m.session,
                  .client = my.client,
                  .rooms = m.rooms,
                  .address = my.client->address()};
        my.client->belongs_to(m.rooms, m.session);
        if (my.client->limits()) my.client->limits()->belongs_to(m.id);
        my.at = connection::stage::open;
        my.who.who.expires_at_ms = my.token_ends_ms;
        my.who.who.shown = my.shown;
        audit_trail::session_opened(my.ctx, my.who,
                                    m.resumed ? audit_trail::opening::resumed : audit_trail::opening::fresh);
        my.watch_token();
        my.let_go();
      },
      [](state& my, const refused& m) {
        my.at = connection::stage::unopened;
        my.leave_limits();
        for (auto& each : std::exchange(my.held, {})) each.reply(codecs::make_error(m.why));
        if (my.opens_by_itself()) return my.end(codecs::close_codes::kicked);  // it has nothing else to ask for
        my.read();
      },
      [](state& my, const session_lost&) { my.end(codecs::close_codes::internal); },
      [](state& my, const close& m) {
        if (m.why.reason == codecs::close_codes::restart.reason) return my.drain();
        my.end(m.why, m.sentence, m.how);
      },
      [](state& my, const turn&) {
        if (!my.travels) return my.read(my.travel());
        my.step_down();
        my.read();
      },
      [](state& my, const look_again&) { my.drain(); },
      [](state& my, const look_at_admission&) { my.watch_admission(); },
      [](state& my, const look_at_token& m) {
        if (m.number == my.token_looks) my.watch_token();
      },
      [](state& my, const closed& m) {
        my.ctx.meters.connection_closed(m.how.code);
        my.self->quit();
      });
  return handlers;
}

/// However it ends, a crash included: the client is told and the session learns that it has no connection.
state::~state() {
  if (client->out()) client->close(codecs::close_codes::internal);
  client->gone();
  leave_limits();
  step_down();
  if (client->calls_in_flight() != 0) runtime::tell(ctx.shards[client->shard()].router, router::gone{client});
  if (who.session_actor) runtime::tell(who.session_actor, session::connection_lost{client});
}

/// The node stops: what is being stored for this client is acknowledged before it is closed.
void state::drain() {
  if (at == connection::stage::over) return;
  draining_since = std::min(draining_since, self->clock().now());
  const bool waits = client->calls_in_flight() != 0 &&
                     self->clock().now() - draining_since < std::chrono::milliseconds{ctx.config.node.drain_timeout_ms};
  if (!waits) return end(codecs::close_codes::restart);
  self->later(drain_look, look_again{});
}

void state::end(codecs::close_code why, std::string_view sentence, farewell how) {
  backlog.clear();
  decoded = 0;
  if (!sentence.empty()) why.reason = sentence;
  at = connection::stage::over;
  switch (how) {
    case farewell::session: return client->close(why);
    case farewell::connection: return client->close_link(why);
    case farewell::none: return client->break_off();
  }
}

/// Its turn has come. Returns how much may be said in it.
std::size_t state::travel() {
  travels = true;
  time_turn(ctx.busiest_rooms(), *self, place.of());
  return line().empty() && place.of() == turn_line::conduct::fair ? limits::whole_turn : limits::share_of_turn;
}

/// Its turn is over, or it wants none any more.
void state::step_down() {
  travels = false;
  if (auto* next = line().leave(place)) runtime::tell(caf::actor{next->owner()}, connection::turn{});
}

/// How many messages more may come in now; 0: it waits for its turn. Nobody's message waits behind somebody else's flood.
std::size_t state::share() {
  static constexpr runtime::token_rate little{limits::fair_rate, limits::fair_burst};
  if (place.at() != turn_line::stage::away) return 0;
  if (!line().empty() && !floods() && out_of_turn.take(little, 1, self->now()).count() == 0) return 1;
  line().sit(place, floods() ? turn_line::conduct::floods : turn_line::conduct::fair);
  return place.at() == turn_line::stage::seated ? travel() : 0;
}

/// Decodes what has come, as long as not too many answers are open, and as it is this client's turn. What more comes stays
/// with the peer, which knows when that is too much.
void state::read(std::size_t free) {
  if (decoded >= backlog.size() && line().empty() && !floods()) free = std::max(free, limits::fair_share);
  for (;;) {
    if (decoded >= backlog.size()) {
      decoded = 0;
      backlog = client->take_input();
      if (backlog.empty()) return;
    }
    if (at == connection::stage::over || client->calls_in_flight() >= limits::calls_in_flight_max) return;
    if (held.size() >= limits::fair_share) return;  // they would go out all at once
    if (free == 0 && (free = share()) == 0) return;
    said = 0;
    const auto one = std::move(backlog[decoded++]);
    auto verdict = client->dialogue().decode(one.kind, one.bytes, *this);
    free -= std::min<std::size_t>(free, std::max(said, 1U));
    if (!verdict.go_on) end({verdict.close_code, verdict.reason, codecs::reconnect::no, {}});
  }
}

answer state::expect_answer(codecs::reply_ref ref, std::string_view method) {
  ++said;
  client->call_began();
  if (current_batch) {
    current_batch->expect();
    return {ctx, current_batch, std::move(ref), method};
  }
  return {ctx, client, std::move(ref), method};
}

void state::on_call(codecs::reply_ref ref, codecs::call what) {
  auto reply = expect_answer(std::move(ref), codecs::method_of(what));
  const auto takes = what_takes(what);
  if (!within_limits(takes, reply)) return;
  if (takes != limited::messages) said += limits::turn_of_dear_call - 1;
  route(std::move(what), std::move(reply));
}

void state::on_bad_call(codecs::reply_ref ref, codecs::error why) {
  const auto reply = expect_answer(std::move(ref), "invalid");
  if (within_limits(limited::messages, reply)) reply(std::move(why));
}

void state::on_settled(codecs::reply_ref ref, codecs::outcome what) {
  const auto reply = expect_answer(std::move(ref), "settled");
  if (within_limits(limited::messages, reply)) reply(std::move(what));
}

/// False: the client sends too much, and is told so. One that does not listen is sent away.
bool state::within_limits(limited what, const answer& reply) {
  auto* mine = client->limits().get();
  if (!mine) return true;
  if (at == connection::stage::over) {  // the rest of a batch
    reply(codecs::make_error(error_code::rate_limited));
    return false;
  }
  const auto why = mine->take(what, self->now());
  if (!why) return true;
  reply(why->error());
  if (!mine->flooded(self->now())) return false;
  runtime::log::info("a client goes on over its limits and is closed",
                     {{"peer", client->address()}, runtime::log::user(who.who.user.value)});
  end(codecs::close_codes::flood);
  return false;
}

/// Whether the user may have one connection more; where not, the client is told so.
bool state::may_connect(const principal& user, const answer& reply) {
  const auto why = client->limits() ? client->limits()->open(user, self->now()) : std::nullopt;
  if (!why) return true;
  reply(why->error());
  for (auto& each : std::exchange(held, {})) each.reply(why->error());
  if (opens_by_itself()) end(codecs::close_codes::flood);  // it has nothing else to ask for
  return false;
}

/// The session keeps who asked. An id that was never given out, or an answer without a session, belongs to nobody.
void state::on_answer(std::string id, codecs::outcome what) {
  if (client->limits()) client->limits()->charge(self->now());
  const auto number = client->number_of_request(id);
  if (!number || !who.session_actor) return ctx.meters.client_request(request_end::late);
  runtime::tell(who.session_actor, session::answered{client, *number, std::move(what)});
}

void state::route(codecs::call what, answer reply) {
  auto* opens = std::get_if<codecs::calls::session_open>(&what);
  switch (at) {
    case connection::stage::over: return;
    case connection::stage::open: return pass_on(std::move(what), std::move(reply));
    case connection::stage::opening:
      if (opens) return reply(codecs::make_error(error_code::conflict, "the session is already opening"));
      held.push_back({std::move(what), std::move(reply)});
      return;
    case connection::stage::unopened: break;
  }
  if (opens) return open_session(std::move(*opens), std::move(reply), session_directory::wish::explicit_session);
  if (!admitted() && !access::anonymous(ctx, opts.from)) {
    refuse_stranger(codecs::method_of(what), reply,
                    codecs::make_error(error_code::unauthenticated, "open a session first: session.open"));
    return;
  }
  held.push_back({std::move(what), std::move(reply)});
  open_session({}, {}, session_directory::wish::implicit_session);
}

void state::pass_on(codecs::call what, answer reply) {
  if (const auto* token = std::get_if<codecs::calls::session_refresh>(&what)) return refresh(*token, reply);
  dispatch(ctx, who, std::move(what), std::move(reply));
}

/// Whether that token names a key that is to be looked for first. Then `then` runs when there is an answer, or none in time.
template <class Then>
bool state::looks_for_key(const std::string& token, Then then) {
  auto seat = ctx.tokens && !token.empty() && !has_looked ? ctx.tokens->waits(token) : nullptr;
  if (!seat) return false;
  auto go_on = [this, seat = std::move(seat), then = std::make_shared<Then>(std::move(then))] {
    has_looked = true;
    (*then)();
    has_looked = false;
  };
  runtime::ask(self, ctx.tokens->fetcher(), limits::key_wait, key_fetcher::look{codecs::claimed_kid(token)})
      .then([go_on] { go_on(); }, [go_on](const caf::error&) { go_on(); });
  return true;
}

void state::refresh(const codecs::calls::session_refresh& what, const answer& reply) {
  if (looks_for_key(what.token, [this, what, reply] {
        if (at == connection::stage::open) refresh(what, reply);
      }))
    return;
  auto subject = access::refresh(ctx, who.who, what.token, whence());
  if (auto* why = std::get_if<codecs::error>(&subject)) {
    log_refusal(ctx, who, "session.refresh", {}, why->message, why->code);
    return reply(std::move(*why));
  }
  auto& newer = std::get<principal>(subject);
  who.who.expires_at_ms = token_ends_ms = newer.expires_at_ms;
  who.who.shown = shown = newer.shown;
  runtime::tell(self, ctx.sessions, session_directory::refreshed{who.session, shown});
  runtime::tell(who.session_actor, session::permitted{std::move(newer.shown)});
  token_told = false;
  constexpr auto never = static_cast<std::int64_t>(codecs::limits::jwt_time_max) * 1'000;  // a doorkeeper may say so
  reply(codecs::result{codecs::results::refreshed{token_ends_ms != 0 ? token_ends_ms : never}});
  watch_token();
}

/// A client is told in time that its token ends, and is closed when it does: it may come back with another one, and
/// resume.
void state::watch_token() {
  ++token_looks;
  if (token_ends_ms == 0 || at != connection::stage::open) return;
  const std::chrono::milliseconds left{token_ends_ms - ctx.now_ms()};
  if (left.count() <= 0) {
    audit_trail::token_ended(ctx, who);
    return end(codecs::close_codes::token_expired);
  }
  if (left <= limits::token_notice && !std::exchange(token_told, true))
    client->push(codecs::pushes::session_notice{"token_expiring", "the token ends soon: session.refresh"});
  const auto wait = token_told ? left : left - limits::token_notice;
  self->later(std::min<std::chrono::milliseconds>(wait, limits::token_look), look_at_token{token_looks});
}

/// Sessions are looked at by their directory; who only stands in the door by itself.
void state::watch_admission() {
  if (at != connection::stage::unopened) return;
  if (is_revoked(ctx, *opts.came->admitted)) return end(codecs::close_codes::revoked);
  self->later(admission_look, look_at_admission{});
}

/// Who has no session may not call, and the access log says who tried.
void state::refuse_stranger(std::string_view method, const answer& reply, codecs::error why) {
  caller stranger;
  stranger.client = client;
  stranger.address = client->address();
  log_refusal(ctx, stranger, method, {}, why.message, why.code);
  reply(std::move(why));
}

void state::open_session(codecs::calls::session_open what, answer reply, session_directory::wish wish) {
  if (looks_for_key(what.token, [this, what, reply, wish] {
        if (at != connection::stage::opening) return;
        at = connection::stage::unopened;
        open_session(what, reply, wish);
        if (at == connection::stage::unopened)
          for (auto& each : std::exchange(held, {})) route(std::move(each.what), std::move(each.reply));
        read();
      })) {
    at = connection::stage::opening;
    return;
  }
  auto subject = admitted() && what.token.empty() ? std::variant<principal, codecs::error>{*opts.came->admitted}
                                                  : access::authenticate(ctx, what, whence());
  if (const auto* known = std::get_if<principal>(&subject)) {
    const auto refuse = [&](std::string_view why, std::string said) {
      audit_trail::stranger(ctx, "authenticate", client->address(), {}, why, known->user.value);
      subject = codecs::make_error(error_code::unauthenticated, std::move(said));
    };
    if (access::expired(ctx, *known))
      refuse("the token has expired", "the token has expired");
    else if (is_revoked(ctx, *known))
      refuse("what the handshake has shown was revoked since", "the token is not accepted");
  }
  if (auto* why = std::get_if<codecs::error>(&subject)) {
    refuse_stranger("session.open", reply, *why);
    for (auto& each : std::exchange(held, {})) refuse_stranger(codecs::method_of(each.what), each.reply, *why);
    if (opens_by_itself()) end(codecs::close_codes::kicked);  // it has nothing else to ask for
    return;
  }
  if (!may_connect(std::get<principal>(subject), reply)) return;
  at = connection::stage::opening;
  token_ends_ms = std::get<principal>(subject).expires_at_ms;
  shown = std::get<principal>(subject).shown;
  runtime::tell(ctx.sessions, session_directory::open{.client = client,
                                                      .connection = caf::actor{self},
                                                      .who = std::get<principal>(subject),
                                                      .what = std::move(what),
                                                      .wish = wish,
                                                      .reply = std::move(reply)});
}

/// The session is there: what waited for it goes on, in its order.
void state::let_go() {
  for (auto& each : std::exchange(held, {})) pass_on(std::move(each.what), std::move(each.reply));
  read();
}

caf::actor spawn(const runtime::place& where, options opts) { return runtime::spawn<state>(where, std::move(opts)); }

}  // namespace greenroom::connection
