/// QUIET_NODE is a node whose every step is the program's own: the real gateway, connections, sessions, directory, rooms and
/// relay on one thread, run in the order in which a shard runs them; real outboxes, written into nothing. What it does is
/// the same each time, to the instruction, so that it can be counted.
///
///   enter(codec) ── a client: peer + sink_transport, its session open, a member of the room
///   publish(n)   ── bytes in ▶ decode ▶ room ▶ relay ▶ outboxes, gathered and consumed ▶ the acknowledgement
///   call(n)      ── bytes in ▶ decode ▶ router ▶ a service that answers what it was given ▶ the answer
///
/// Left out are the kernel, the reading of WebSocket frames and the shard's clock; `./dev bench` has them all.
/// Threading: one thread. Failure: std::logic_error where something was not delivered: then nothing was measured.
#pragma once
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/execution_unit.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/context.hpp"
#include "actors/peer.hpp"
#include "codecs/codec.hpp"
#include "runtime/log.hpp"
#include "runtime/transport.hpp"

namespace greenroom::bench {

/// A socket that takes all it is given.
class sink_transport final : public runtime::transport, private runtime::outbox_port {
 public:
  sink_transport(runtime::transport_events& owner, std::vector<sink_transport*>& dirty)
      : events_{&owner}, dirty_{dirty}, out_{{}, *this, stats_} {}

  void say(runtime::frame_kind kind, std::string_view bytes) { events_->on_message(kind, bytes); }
  /// The end of a turn: what a connection does with its outbox, without the system call.
  void flush();
  const runtime::outbox_stats& stats() const noexcept { return stats_; }

  // runtime::transport
  runtime::outbox& out() noexcept override { return out_; }
  void write_now() override { flush(); }
  void close(std::uint16_t, std::string_view, runtime::unsent) override { out_.clear(); }
  void abort() override { out_.clear(); }
  void detach() noexcept override { events_ = nullptr; }
  bool takes_now() const noexcept override { return true; }
  void pause_reading() override {}
  void resume_reading() override {}
  std::uint64_t ping_in_order() override { return 0; }
  int deflate_bits() const noexcept override { return 0; }
  const std::string& peer() const noexcept override { return address_; }
  runtime::shard& home() const noexcept override;

 private:
  void on_dirty() override { dirty_.push_back(this); }
  runtime::frame on_gap(const runtime::gap&) override { return nullptr; }

  runtime::transport_events* events_;
  std::vector<sink_transport*>& dirty_;
  runtime::outbox_stats stats_;
  runtime::outbox out_;
  std::string address_ = "127.0.0.1:50312";
};

class quiet_node {
 public:
  static constexpr std::string_view room = "lobby";
  static constexpr std::size_t payload_bytes = 128;
  static constexpr std::size_t history_messages = 100;  ///< that the room keeps: after these it trims as it appends

  quiet_node();
  ~quiet_node();
  quiet_node(const quiet_node&) = delete;
  quiet_node& operator=(const quiet_node&) = delete;

  /// Members of the room that speak this.
  void enter(codecs::codec_id codec, std::size_t how_many);
  std::size_t members() const noexcept { return members_.size(); }
  /// The publisher, who is no member, sends so many messages at once, and everything happens that follows.
  void publish(codecs::format as, std::size_t messages);
  /// The publisher calls a service so many times at once.
  void call(codecs::format as, std::size_t times);
  /// So many messages that the room's history is full and every buffer has its size.
  void warm_up(codecs::format as, std::size_t burst);
  /// The relay is given what a room has published in one turn: `messages` of them.
  void relay_turn(std::size_t messages);
  /// Messages that members were sent so far, and answers to the publisher.
  std::uint64_t delivered() const;
  std::uint64_t answered() const;
  context& ctx() noexcept;
  /// Until nothing is left to do.
  void settle();

 private:
  struct unit final : caf::execution_unit {
    using caf::execution_unit::execution_unit;
    void exec_later(caf::resumable* job) override { run.push_back(job); }
    std::deque<caf::resumable*> run;
  };
  struct system_config : caf::actor_system_config {
    system_config();
  };
  struct client {
    std::shared_ptr<greenroom::peer> speaks;
    std::shared_ptr<sink_transport> wire;
  };
  struct parts;

  client& connect(codecs::codec_id codec);
  void say(codecs::format as, const std::string (&requests)[2], std::size_t times);
  void must_answer(client& who, std::string_view request);
  caf::actor keep(caf::actor who);

  runtime::log::scoped quiet_{{.level = runtime::log_level::off, .access = false}};
  system_config config_;
  caf::actor_system system_{config_};
  caf::scheduler::test_coordinator& jobs_;
  unit unit_{&system_};
  std::vector<caf::actor> owned_;
  std::vector<sink_transport*> dirty_, flushed_;
  std::unique_ptr<parts> parts_;
  std::deque<client> clients_;
  std::vector<client*> members_;
  client* publisher_ = nullptr;
  std::string epoch_;          ///< of the room, and …
  std::uint64_t relayed_ = 0;  ///< … the position of the last message of relay_turn()
};

}  // namespace greenroom::bench
