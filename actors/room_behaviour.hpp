/// ROOM_BEHAVIOUR is code that runs inside a room: it accepts, rewrites or refuses joins and messages, publishes by
/// itself, and keeps state that survives the room's crash and its leaving memory. Bound to a namespace in the config
/// (`[namespace.NAME] behaviour = "counter"`); every room of the namespace has an object of its own.
///
///   class counter final : public room_behaviour {
///    public:
///     using room_behaviour::room_behaviour;
///     void on_message(publish_request message) override { ++count_; room().changed(); message.accept(); }
///     std::string snapshot() const override { return std::to_string(count_); }
///     void restore(std::string_view state) override { count_ = std::stoull(std::string{state}); }
///   };
///
///   made ─▶ restore, where there is a snapshot ─▶ on_start ─▶ callbacks, one at a time ─▶ destroyed: the room crashed,
///                                                                           left memory, or a newer build took over
///
/// A request is decided once: accept, refuse, or answer. It may be kept and decided later (after an answer of a client,
///   say); meanwhile others pass, and a message takes its position when it is accepted. One that is dropped undecided
///   is answered "internal error".
/// State: after room().changed(), snapshot() is stored in the same transaction as the next accepted message, or at the
///   end of the turn where none is accepted. A build that takes over gets the snapshot, keeps the timers, and hears
///   on_start(beginning::swapped).
/// Crash: an exception that leaves a callback crashes this room alone: its members stay, the request that caused it is
///   answered "internal error" (a message to a durable room becomes a dead letter, too), a new object is made and
///   restored from the last stored snapshot.
/// Threading: all of it on the room's shard; a callback that takes longer than 100 ms is named by the watchdog.
/// Bounds: snapshot() at most storage::limits::snapshot_bytes_max; behaviour.hpp has the others.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/behaviour.hpp"
#include "actors/party.hpp"

namespace greenroom {

/// A message that asks to be published. A handle: copies are the same request.
class publish_request {
 public:
  /// Made by the room.
  struct pending {
    virtual ~pending() = default;  ///< undecided: answers "internal error"
    virtual const party& from() const noexcept = 0;
    virtual const std::string& event() const noexcept = 0;
    virtual const codecs::payload_ptr& payload() const noexcept = 0;
    virtual void rewrite(std::string event, codecs::payload_ptr payload) = 0;
    virtual void accept() = 0;
    virtual void refuse(codecs::error why) = 0;
    virtual void answer(codecs::result what) = 0;
  };
  explicit publish_request(std::shared_ptr<pending> what) : what_{std::move(what)} {}

  const party& from() const noexcept { return what_->from(); }
  const std::string& event() const noexcept { return what_->event(); }
  const codecs::payload_ptr& payload() const noexcept { return what_->payload(); }

  /// Changes what will be published; the publisher keeps its id, position and acknowledgement.
  void rewrite(std::string event, codecs::payload_ptr payload) { what_->rewrite(std::move(event), std::move(payload)); }
  void rewrite(codecs::payload_ptr payload) { what_->rewrite(what_->event(), std::move(payload)); }

  // --- decisions; the first counts
  void accept() { what_->accept(); }                                 ///< published, acknowledged
  void refuse(codecs::error why) { what_->refuse(std::move(why)); }  ///< not stored
  void refuse(std::string sentence) {                                ///< forbidden, with that message
    what_->refuse(codecs::make_error(codecs::error_code::forbidden, std::move(sentence)));
  }
  // answered, and not published:
  void reply() { what_->answer(codecs::results::nothing{}); }
  void reply(codecs::payload_ptr result) { what_->answer(codecs::results::document{std::move(result)}); }
  void reply_arguments(codecs::payload_ptr list) {  ///< of Socket.IO's ack; elsewhere it is the list
    what_->answer(codecs::results::document{std::move(list), codecs::payload_shape::arguments});
  }
  void leave_unanswered() { what_->answer(codecs::results::unanswered{}); }  ///< JSON-RPC answers null

 private:
  std::shared_ptr<pending> what_;
};

/// A session that asks to become a member. A handle, as above.
class join_request {
 public:
  struct pending {
    virtual ~pending() = default;
    virtual const party& who() const noexcept = 0;
    virtual const codecs::payload_ptr& presence() const noexcept = 0;
    virtual const codecs::payload_ptr& params() const noexcept = 0;
    virtual void show(std::string as, codecs::payload_ptr meta) = 0;
    virtual void accept(codecs::payload_ptr reply) = 0;
    virtual void refuse(codecs::error why) = 0;
  };
  explicit join_request(std::shared_ptr<pending> what) : what_{std::move(what)} {}

  const party& who() const noexcept { return what_->who(); }
  const codecs::payload_ptr& presence() const noexcept { return what_->presence(); }  ///< null where it shows nothing

  /// All that the client said with its join; null where that is nothing, or where it comes back by itself.
  const codecs::payload_ptr& params() const noexcept { return what_->params(); }

  /// What others will see of it, instead of what it asked for: under that name (empty: its user's), with that `meta`.
  /// Before accept().
  void show(std::string as, codecs::payload_ptr meta) { what_->show(std::move(as), std::move(meta)); }

  void accept() { what_->accept(nullptr); }
  void accept(codecs::payload_ptr reply) { what_->accept(std::move(reply)); }  ///< which the client is told
  void refuse(codecs::error why) { what_->refuse(std::move(why)); }
  void refuse(std::string sentence) {
    what_->refuse(codecs::make_error(codecs::error_code::forbidden, std::move(sentence)));
  }

 private:
  std::shared_ptr<pending> what_;
};

/// The room, as its behaviour sees it.
class room_control : public behaviour_control {
 public:
  virtual const room_id& id() const noexcept = 0;
  virtual std::vector<party> members() const = 0;  ///< one for each session, in no order
  virtual std::size_t member_count() const noexcept = 0;

  using behaviour_control::publish;
  virtual void publish(publication what) = 0;  ///< into this room, whatever on_message says
  /// `room.push {room, event, payload}` to one member: no position, no history; nothing happens where it is away.
  virtual void push_event(const session_id& to, std::string event, codecs::payload_ptr payload) = 0;
  /// What others see of a member from now on; its name stays. Nothing happens where it is none.
  virtual void show(const session_id& whom, codecs::payload_ptr meta) = 0;
  virtual void remove(const session_id& whom, std::string reason) = 0;  ///< it leaves, and gets a notice `removed`
  virtual void changed() = 0;                                           ///< the state is to be stored

 protected:
  ~room_control() = default;
};

/// Why on_start is called.
enum class beginning : std::uint8_t {
  opened,     ///< the room came into memory
  restarted,  ///< it crashed; its members are here already, and no on_join comes for them
  swapped,    ///< a newer build took over; timers go on
};

class room_behaviour {
 public:
  explicit room_behaviour(room_control& room) : room_{room} {}
  virtual ~room_behaviour() = default;
  room_behaviour(const room_behaviour&) = delete;
  room_behaviour& operator=(const room_behaviour&) = delete;

  /// The first callback. Constructor and restore() build state and have no effect on anything.
  virtual void on_start(beginning) {}
  /// Also where a session comes back that the room does not know any more; not for one that is a member already.
  virtual void on_join(join_request who) { who.accept(); }
  virtual void on_leave(const party&) {}
  virtual void on_message(publish_request message) { message.accept(); }
  virtual void on_timer(std::string_view) {}
  virtual std::string snapshot() const { return {}; }  ///< empty: nothing is stored
  /// Throws where it does not understand the bytes: the room fails to start, or a newer build is refused.
  virtual void restore(std::string_view) {}

 protected:
  room_control& room() const noexcept { return room_; }

 private:
  room_control& room_;
};

using room_factory = std::function<std::unique_ptr<room_behaviour>(room_control&)>;

}  // namespace greenroom
