#include "actors/behaviour_host.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/context.hpp"
#include "actors/limits.hpp"
#include "actors/offline_queue.hpp"
#include "actors/party.hpp"
#include "actors/room.hpp"
#include "actors/router.hpp"
#include "actors/session_directory.hpp"
#include "runtime/errc.hpp"
#include "runtime/log.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

using codecs::error_code;

constexpr std::string_view server = "server";

/// The answer of an actor that could not give one.
codecs::outcome no_answer(const caf::error& why) {
  runtime::log::warn("a behaviour's question was lost on its way", {{"reason", runtime::explain(why)}});
  return codecs::make_error(why == caf::sec::request_timeout ? error_code::timed_out : error_code::internal);
}

void check(const std::string& event, const codecs::payload_ptr& payload) {
  if (event.empty() || !payload) throw std::invalid_argument{"a message has an event and a payload"};
}

}  // namespace

const std::shared_ptr<const party>& server_party() {
  static const auto one = std::make_shared<const party>(party{.user = {std::string{server}}, .session = {}});
  return one;
}

behaviour_host::behaviour_host(runtime::actor_base* self, context& ctx, std::string name,
                               std::function<void(std::string_view)> on_timer)
    : self_{self}, ctx_{ctx}, name_{std::move(name)}, on_timer_{std::move(on_timer)}, bell_{self} {}

behaviour_host::~behaviour_host() {
  if (open_ != 0) runtime::tell(router(), router::gone{me_});
}

caf::message_handler behaviour_host::handlers() {
  return {
      [this](const tick&) { run_due_timers(); },
      [this](const go_on&) {
        if (open_ == 0 && go_on_) std::exchange(go_on_, nullptr)();
      },
      [this](const impatient& m) {
        if (!go_on_ || m.generation != generation_) return;
        drop_questions();
        std::exchange(go_on_, nullptr)();
      },
  };
}

caf::message_handler behaviour_host::past_handlers() {
  return {[](const tick&) {}, [](const go_on&) {}, [](const impatient&) {}};
}

std::int64_t behaviour_host::now_ms() const { return ctx_.now_ms(); }

// --- messages

room::publish behaviour_host::message_of(const room_id& into, publication what) const {
  check(what.event, what.payload);
  const bool named = !what.id.empty();
  room::publish message{.draft = std::make_shared<codecs::envelope>(),
                        .wanted = codecs::ack_level::unstated,
                        .sender = named ? "\x01" + name_ + "\x01" + into.value : std::string{},
                        .client_id = named,
                        .except = incarnation::none,
                        .except_session = what.except.value_or(session_id{}),
                        .by = server_party(),
                        .reply = {}};
  auto& draft = *message.draft;
  draft.room = into.value;
  draft.event = std::move(what.event);
  draft.body = std::move(what.payload);
  draft.id = named ? std::move(what.id) : ctx_.next_message_id();
  draft.from = std::move(what.from);
  draft.shape = what.shape;
  return message;
}

void behaviour_host::publish(const room_id& into, publication what) {
  runtime::tell(self_, ctx_.rooms_of(into.value), message_of(into, std::move(what)));
}

void behaviour_host::push(const session_id& to, codecs::push what) {
  const auto now = self_->now();
  if (pushed_lately_.size() >= look_through_at_) {  // never more than twice as many as are under way, and a few
    constexpr std::size_t few = 32;
    std::erase_if(pushed_lately_, [now](const auto& each) { return each.second <= now; });
    look_through_at_ = std::min(2 * pushed_lately_.size() + few, limits::behaviour_pushes_lately_max);
  }
  if (pushed_lately_.size() < limits::behaviour_pushes_lately_max)
    pushed_lately_.insert_or_assign(to, now + limits::push_under_way);
  runtime::tell(self_, ctx_.sessions, session_directory::push_to{to, std::move(what)});
}

bool behaviour_host::pushes_under_way(const session_id& whom) {
  const auto found = pushed_lately_.find(whom);
  if (found == pushed_lately_.end()) return false;
  if (found->second > self_->now()) return true;
  pushed_lately_.erase(found);
  return false;
}

void behaviour_host::after_pushes(const session_id& whom, std::function<void()> what) {
  runtime::tell(self_, ctx_.sessions, session_directory::after_pushes{whom, std::move(what)});
}

void behaviour_host::push(const session_id& to, client_event what) {
  push(to, codecs::pushes::notification{.method = std::move(what.event),
                                        .params = std::move(what.params),
                                        .channel = std::move(what.channel),
                                        .how = what.how});
}

void behaviour_host::send(const user_id& to, std::string event, codecs::payload_ptr payload) {
  check(event, payload);
  offline_queue::send message{.to = to,
                              .draft = std::make_shared<codecs::envelope>(),
                              .sender = {},
                              .client_id = false,
                              .ttl_s = {},
                              .reply = {}};
  message.draft->event = std::move(event);
  message.draft->body = std::move(payload);
  message.draft->id = ctx_.next_message_id();
  message.draft->from = server;
  runtime::tell(self_, ctx_.queue_of(to.value), std::move(message));
}

void behaviour_host::disconnect(const session_id& whom, std::string reason, farewell how) {
  runtime::tell(self_, ctx_.sessions, session_directory::disconnect{whom, std::move(reason), how});
}

void behaviour_host::log(log_word how, std::string_view text) const {
  static constexpr runtime::log_level levels[] = {runtime::log_level::info, runtime::log_level::warning,
                                                  runtime::log_level::error};
  runtime::log::write(levels[static_cast<std::size_t>(how)], text, {{"behaviour", name_}});
}

// --- questions

/// Whether one more may be open. Who asks again from within the refusal would never come to an end.
bool behaviour_host::admit(const then& what) {
  if (open_ < limits::behaviour_asks_max) {
    ++open_;
    return true;
  }
  if (std::exchange(refusing_, true)) throw std::length_error{"a behaviour asks on while too many questions are open"};
  what(codecs::make_error(error_code::unavailable, "this behaviour has too many open questions"));
  refusing_ = false;
  return false;
}

/// Asks, and hands over what comes unless it has become nobody's.
template <class Message, class Ok, class Failed>
void behaviour_host::put(const caf::actor& to, std::chrono::milliseconds limit, Message message, Ok ok, Failed failed) {
  auto mine = [this, asked_in = generation_] {
    if (asked_in != generation_) return false;
    if (--open_ == 0 && go_on_) runtime::tell(self_, caf::actor{self_}, go_on{});
    return true;
  };
  runtime::ask(self_, to, limit + limits::ask_timeout, std::move(message))
      .then(
          [mine, ok = std::move(ok)](const typename Message::reply& said) {
            if (mine()) ok(said);
          },
          [mine, failed = std::move(failed)](const caf::error& why) {
            if (mine()) failed(no_answer(why));
          });
}

void behaviour_host::ask(const session_id& whom, std::string method, codecs::payload_ptr params,
                         std::chrono::milliseconds limit, then what) {
  if (!admit(what)) return;
  put(
      ctx_.sessions, limit, session_directory::ask_client{whom, std::move(method), std::move(params), limit},
      [what](const session_directory::ask_client::reply& said) { what(said.what); }, what);
}

void behaviour_host::join(const session_id& whom, const room_id& into, then what) {
  if (!admit(what)) return;
  put(
      ctx_.sessions, limits::ask_timeout,
      session_directory::move_member{whom, into.value, session::move_member::way::join},
      [what](const session_directory::move_member::reply& said) { what(said.what); }, what);
}

void behaviour_host::leave(const session_id& whom, const room_id& from, then what) {
  if (!admit(what)) return;
  put(
      ctx_.sessions, limits::ask_timeout,
      session_directory::move_member{whom, from.value, session::move_member::way::leave},
      [what](const session_directory::move_member::reply& said) { what(said.what); }, what);
}

void behaviour_host::call(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit, then what) {
  if (!admit(what)) return;
  put(
      router(), limit,
      router::ask{.from = *server_party(),
                  .method = std::move(method),
                  .params = std::move(params),
                  .limit = limit,
                  .caller = me_},
      [what](const router::ask::reply& said) { what(said.what); }, what);
}

void behaviour_host::scatter(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit,
                             then_all what) {
  if (!admit([&what](const codecs::outcome&) { what({}); })) return;
  put(
      router(), limit,
      router::scatter{.from = *server_party(),
                      .method = std::move(method),
                      .params = std::move(params),
                      .limit = limit,
                      .caller = me_},
      [what](const router::scatter::reply& said) { what(said.told); }, [what](const codecs::outcome&) { what({}); });
}

const caf::actor& behaviour_host::router() const { return ctx_.shards[self_->home() ? self_->home()->id() : 0].router; }

void behaviour_host::when_answered(std::chrono::milliseconds patience, std::function<void()> what) {
  go_on_ = std::move(what);
  if (open_ == 0) return runtime::tell(caf::actor{self_}, go_on{});  // the caller may be outside of a turn
  self_->later(patience, impatient{generation_});
}

void behaviour_host::attempt(const std::function<void()>& what) {
  auto timers = timers_;
  auto by_time = by_time_;
  try {
    what();
  } catch (...) {
    drop_questions();
    timers_ = std::move(timers);
    by_time_ = std::move(by_time);
    if (!by_time_.empty()) bell_.set(by_time_.begin()->first);
    throw;
  }
}

void behaviour_host::drop_questions() {
  if (open_ == 0) return;
  ++generation_;
  open_ = 0;
  runtime::tell(self_, router(), router::gone{std::exchange(me_, std::make_shared<const int>(0))});
}

// --- timers

void behaviour_host::set_timer(std::string name, std::chrono::milliseconds delay) {
  if (timers_.size() >= limits::behaviour_timers_max && !timers_.contains(name))
    throw std::length_error{"a behaviour has more than " + std::to_string(limits::behaviour_timers_max) + " timers"};
  cancel_timer(name);
  const auto due = self_->now() + std::max(delay, std::chrono::milliseconds{0});
  by_time_.emplace(due, name);
  timers_.emplace(std::move(name), due);
  bell_.set(due);
}

void behaviour_host::cancel_timer(std::string_view name) {
  const auto found = timers_.find(name);
  if (found == timers_.end()) return;
  by_time_.erase({found->second, found->first});
  timers_.erase(found);
}

/// Those that are due now; one that is set meanwhile, even for now, has its own turn.
void behaviour_host::run_due_timers() {
  if (!bell_.rings()) return;
  std::vector<std::string> due;
  const auto now = self_->now();
  for (auto i = by_time_.begin(); i != by_time_.end() && i->first <= now; ++i) due.push_back(i->second);
  for (const auto& name : due) {
    const auto still = timers_.find(name);
    if (still == timers_.end() || still->second > now) continue;  // the one before cancelled or moved it
    cancel_timer(name);
    on_timer_(name);
  }
  if (!by_time_.empty()) bell_.set(by_time_.begin()->first);
}

}  // namespace greenroom
