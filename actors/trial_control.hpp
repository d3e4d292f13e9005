/// TRIAL_CONTROL is what a behaviour's object on trial is made with: it sees the node, and what it does has no effect.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/behaviour.hpp"

namespace greenroom {

/// All but what is the room's or the service's own. `real` outlives it.
template <class Control>
class trial_control : public Control {
 public:
  std::int64_t now_ms() const override { return real_.now_ms(); }
  void publish(const room_id&, publication) override {}
  void push(const session_id&, std::string, codecs::payload_ptr) override {}
  void send(const user_id&, std::string, codecs::payload_ptr) override {}
  void ask(const session_id&, std::string, codecs::payload_ptr, std::chrono::milliseconds,
           behaviour_control::then) override {}
  void call(std::string, codecs::payload_ptr, std::chrono::milliseconds, behaviour_control::then) override {}
  void scatter(std::string, codecs::payload_ptr, std::chrono::milliseconds, behaviour_control::then_all) override {}
  void disconnect(const session_id&, std::string) override {}
  void set_timer(std::string, std::chrono::milliseconds) override {}
  void cancel_timer(std::string_view) override {}
  void log(log_word, std::string_view) override {}

 protected:
  explicit trial_control(const Control& real) : real_{real} {}
  ~trial_control() = default;
  const Control& real() const noexcept { return real_; }

 private:
  const Control& real_;
};

}  // namespace greenroom
