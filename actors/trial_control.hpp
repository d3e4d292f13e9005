/// TRIAL_CONTROL is what a behaviour's object on trial is made with: it sees the node, and what it does has no effect.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/behaviour.hpp"
#include "actors/room_behaviour.hpp"
#include "actors/service_behaviour.hpp"

namespace greenroom {

/// All but what is the room's or the service's own.
template <class Control>
class trial_control : public Control {
 public:
  std::int64_t now_ms() const override { return now_ms_; }
  void publish(const room_id&, publication) override {}
  void push(const session_id&, client_event) override {}
  void send(const user_id&, std::string, codecs::payload_ptr) override {}
  void ask(const session_id&, std::string, codecs::payload_ptr, std::chrono::milliseconds,
           behaviour_control::then) override {}
  void call(std::string, codecs::payload_ptr, std::chrono::milliseconds, behaviour_control::then) override {}
  void scatter(std::string, codecs::payload_ptr, std::chrono::milliseconds, behaviour_control::then_all) override {}
  void disconnect(const session_id&, std::string, farewell) override {}
  void join(const session_id&, const room_id&, behaviour_control::then) override {}
  void leave(const session_id&, const room_id&, behaviour_control::then) override {}
  void set_timer(std::string, std::chrono::milliseconds) override {}
  void cancel_timer(std::string_view) override {}
  void log(log_word, std::string_view) override {}

 protected:
  explicit trial_control(std::int64_t now_ms) : now_ms_{now_ms} {}
  ~trial_control() = default;

 private:
  std::int64_t now_ms_;
};

class room_on_trial final : public trial_control<room_control> {
 public:
  room_on_trial(room_id id, std::int64_t now_ms, std::vector<party> members = {})
      : trial_control{now_ms}, id_{std::move(id)}, members_{std::move(members)} {}
  const room_id& id() const noexcept override { return id_; }
  std::vector<party> members() const override { return members_; }
  std::size_t member_count() const noexcept override { return members_.size(); }
  void publish(publication) override {}
  void push_event(const session_id&, std::string, codecs::payload_ptr) override {}
  void show(const session_id&, codecs::payload_ptr) override {}
  void remove(const session_id&, std::string) override {}
  void changed() override {}

 private:
  room_id id_;
  std::vector<party> members_;
};

class service_on_trial final : public trial_control<service_control> {
 public:
  service_on_trial(std::size_t instance, std::int64_t now_ms) : trial_control{now_ms}, instance_{instance} {}
  std::size_t instance() const noexcept override { return instance_; }

 private:
  std::size_t instance_;
};

}  // namespace greenroom
