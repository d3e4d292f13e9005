/// CAF's actor clocks over shards: delayed messages and request timeouts of the actors that live there.
///
/// A shard_clock belongs to one shard and is touched by its thread alone. Threads without a shard (detached actors,
/// main) see the remote_clock, which forwards to shard 0. CAF's own clock is not used: its ring of 64 entries hangs the
/// stop for ever when its thread drops the last handle of more actors than that (decision 0001).
#pragma once

#include <caf/detail/simple_actor_clock.hpp>

namespace greenroom::runtime {

class shard;

class shard_clock final : public caf::detail::simple_actor_clock {
 public:
  explicit shard_clock(shard& home) : home_{home} {}
  time_point now() const noexcept override;  ///< of this turn

 private:
  shard& home_;
};

/// Any thread. What is posted after shard 0 has left is dropped.
class remote_clock final : public caf::actor_clock {
 public:
  explicit remote_clock(shard& to) : to_{to} {}

  void set_ordinary_timeout(time_point, caf::abstract_actor*, caf::atom_value, std::uint64_t) override;
  void set_multi_timeout(time_point, caf::abstract_actor*, caf::atom_value, std::uint64_t) override;
  void set_request_timeout(time_point, caf::abstract_actor*, caf::message_id) override;
  void cancel_ordinary_timeout(caf::abstract_actor*, caf::atom_value) override;
  void cancel_request_timeout(caf::abstract_actor*, caf::message_id) override;
  /// Does nothing: CAF calls it inside an actor's last release, where no reference may be taken. What is left fires
  /// into a closed mailbox.
  void cancel_timeouts(caf::abstract_actor*) override {}
  void schedule_message(time_point, caf::strong_actor_ptr, caf::mailbox_element_ptr) override;
  void schedule_message(time_point, caf::group, caf::strong_actor_ptr, caf::message) override;
  void cancel_all() override {}

 private:
  shard& to_;
};

}  // namespace greenroom::runtime
