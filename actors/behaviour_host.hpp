/// BEHAVIOUR_HOST does for the actor that hosts a behaviour what behaviour.hpp promises to the behaviour: messages into
/// rooms, inboxes and sessions, questions to clients and services, named timers. A room and a service have one each.
///
///   struct state final : hosted<service_control> { … hosted{self, ctx, "service echo", [this](auto name) { … }} … };
///   caf::behavior start() { return host().handlers().or_else(…); }
///
/// Lifecycle: a member of the actor's State; with it go the timers and whatever was asked, which is cancelled.
/// Threading: its actor's. Bounds: limits::behaviour_timers_max, limits::behaviour_asks_max.
#pragma once
#include <caf/message_handler.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/behaviour.hpp"
#include "actors/deadlines.hpp"
#include "codecs/outcome.hpp"
#include "runtime/actor_base.hpp"

namespace greenroom {

struct context;
struct party;
namespace room {
struct publish;
}

/// Who a behaviour is to the services that it calls, to other rooms' behaviours, and to the receivers of its messages.
const std::shared_ptr<const party>& server_party();

class behaviour_host {
 public:
  using then = behaviour_control::then;
  using then_all = behaviour_control::then_all;

  struct tick {};   ///< To the actor, from itself: a timer is due.
  struct go_on {};  ///< To the actor, from itself: what when_answered() was given may run.
  struct impatient {
    std::uint64_t generation;
  };  ///< To the actor, from itself: it has waited long enough.

  /// `name` says who acts, in logs and as the sender of ids: `room lobby`, `service echo`.
  behaviour_host(runtime::actor_base* self, context& ctx, std::string name,
                 std::function<void(std::string_view)> on_timer);
  ~behaviour_host();
  behaviour_host(const behaviour_host&) = delete;
  behaviour_host& operator=(const behaviour_host&) = delete;

  /// What every state of the actor must know beside its own messages.
  caf::message_handler handlers();
  /// Instead, while there is no host: what comes is from the one before.
  static caf::message_handler past_handlers();

  // --- behaviour_control, one for one
  std::int64_t now_ms() const;
  /// As it goes to the room. An id that the behaviour gives is its own in each room.
  room::publish message_of(const room_id& into, publication what) const;
  void publish(const room_id& into, publication what);
  void push(const session_id& to, client_event what);
  void send(const user_id& to, std::string event, codecs::payload_ptr payload);
  void ask(const session_id& whom, std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit,
           then what);
  void call(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit, then what);
  void scatter(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit, then_all what);
  void disconnect(const session_id& whom, std::string reason, farewell how);
  void join(const session_id& whom, const room_id& into, then what);
  void leave(const session_id& whom, const room_id& from, then what);
  void set_timer(std::string name, std::chrono::milliseconds delay);
  void cancel_timer(std::string_view name);
  void log(log_word how, std::string_view text) const;

  // --- for the actor
  /// Whether something that was pushed to that session may not be there yet: an answer, which has a shorter way, waits.
  bool pushes_under_way(const session_id& whom);
  /// Does that behind them.
  void after_pushes(const session_id& whom, std::function<void()> what);
  void push(const session_id& to, codecs::push what);
  bool idle() const noexcept { return timers_.empty() && open_ == 0; }
  /// Runs `what` in a turn of its own when no question is open any more, or after `patience`: what is open then is
  /// dropped, its continuation never runs. Timers stay.
  void when_answered(std::chrono::milliseconds patience, std::function<void()> what);
  /// Runs `what` while no question is open. Where it throws, its questions are dropped, the timers are what they were
  /// before, and the exception goes on; messages that it sent are sent.
  void attempt(const std::function<void()>& what);

 private:
  bool admit(const then& what);
  template <class Message, class Ok, class Failed>
  void put(const caf::actor& to, std::chrono::milliseconds limit, Message message, Ok ok, Failed failed);
  void drop_questions();
  void run_due_timers();
  const caf::actor& router() const;

  runtime::actor_base* self_;
  context& ctx_;
  std::string name_;
  std::function<void(std::string_view)> on_timer_;

  std::map<std::string, deadline, std::less<>> timers_;
  std::set<std::pair<deadline, std::string>> by_time_;
  alarm<tick> bell_;

  std::unordered_map<session_id, deadline> pushed_lately_;  ///< until when a push may be under way
  std::size_t look_through_at_ = 0;                         ///< so many of them: those that are over go

  std::shared_ptr<const int> me_ = std::make_shared<const int>(0);  ///< whose end cancels the calls
  std::size_t open_ = 0;                                            ///< questions and calls
  std::uint64_t generation_ = 0;  ///< answers to questions of an earlier one are nobody's
  bool refusing_ = false;
  std::function<void()> go_on_;
};

/// A control as a host has it: all but what is the room's or the service's own.
template <class Control>
class hosted : public Control {
 public:
  using Control::publish;
  using Control::push;
  std::int64_t now_ms() const override { return host_.now_ms(); }
  void publish(const room_id& into, publication what) override { host_.publish(into, std::move(what)); }
  void push(const session_id& to, client_event what) override { host_.push(to, std::move(what)); }
  void send(const user_id& to, std::string event, codecs::payload_ptr payload) override {
    host_.send(to, std::move(event), std::move(payload));
  }
  void ask(const session_id& whom, std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit,
           behaviour_control::then what) override {
    host_.ask(whom, std::move(method), std::move(params), limit, std::move(what));
  }
  void call(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit,
            behaviour_control::then what) override {
    host_.call(std::move(method), std::move(params), limit, std::move(what));
  }
  void scatter(std::string method, codecs::payload_ptr params, std::chrono::milliseconds limit,
               behaviour_control::then_all what) override {
    host_.scatter(std::move(method), std::move(params), limit, std::move(what));
  }
  void disconnect(const session_id& whom, std::string reason, farewell how) override {
    host_.disconnect(whom, std::move(reason), how);
  }
  void join(const session_id& whom, const room_id& into, behaviour_control::then what) override {
    host_.join(whom, into, std::move(what));
  }
  void leave(const session_id& whom, const room_id& from, behaviour_control::then what) override {
    host_.leave(whom, from, std::move(what));
  }
  void set_timer(std::string name, std::chrono::milliseconds delay) override {
    host_.set_timer(std::move(name), delay);
  }
  void cancel_timer(std::string_view name) override { host_.cancel_timer(name); }
  void log(log_word how, std::string_view text) override { host_.log(how, text); }

 protected:
  hosted(runtime::actor_base* self, context& ctx, std::string name, std::function<void(std::string_view)> on_timer)
      : host_{self, ctx, std::move(name), std::move(on_timer)} {}
  ~hosted() = default;
  behaviour_host& host() noexcept { return host_; }
  const behaviour_host& host() const noexcept { return host_; }

 private:
  behaviour_host host_;
};

}  // namespace greenroom

GREENROOM_MESSAGE(greenroom::behaviour_host::tick)
GREENROOM_MESSAGE(greenroom::behaviour_host::go_on)
GREENROOM_MESSAGE(greenroom::behaviour_host::impatient)
