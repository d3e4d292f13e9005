/// ROOM_HOST stands between a room and its behaviour: it hands requests over and takes the decisions back, keeps the
/// the behaviour's state in the store, and lets a newer build take the place of an older one.
///
///   room ── join, publish ──▶ host ──▶ behaviour ── accept ──▶ room: it takes its position
///
/// A room without a behaviour has no host and pays one look at a null pointer for it.
///
/// Lifecycle: a member of the room's State, gone with it. Requests that are kept longer than it answer "internal error"
///   and do nothing.
/// Threading: the room's. Bounds: requests that wait for a decision: limits::undecided_max, over it `unavailable`;
///   behaviour_host.hpp has those of timers and questions.
#pragma once
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/behaviour_host.hpp"
#include "actors/room.hpp"
#include "actors/room_behaviour.hpp"
#include "actors/room_builds.hpp"
#include "actors/room_casualties.hpp"
#include "storage/operation.hpp"

namespace greenroom {

/// What a host asks of its room.
class hosting_room {
 public:
  /// Takes its position, and is acknowledged. `once` names the content that the sender gave, whatever became of it.
  /// Where the message is not stored, the state is not either: the host is told by state_not_stored().
  virtual void store(const room::publish& message, std::optional<storage::idempotency> once,
                     storage::bytes_ptr snapshot) = 0;
  /// Whether a message of that id is stored, or on its way to be; `then` at once where the room is in memory.
  virtual void recall(const storage::idempotency& once, std::function<void(bool known)> then) = 0;
  /// Stores a state that no message carries.
  virtual void keep(storage::bytes_ptr snapshot) = 0;
  virtual void store_at_turn_end() = 0;  ///< calls keep_state() when this turn is over
  virtual const std::map<session_id, subscription_ptr>& members() const = 0;
  virtual void remove(const session_id& whom) = 0;
  virtual void show(const subscription& who) = 0;  ///< what others see of it has changed
  virtual room_casualties& casualties() = 0;       ///< is told of the message on which the behaviour throws

 protected:
  ~hosting_room() = default;
};

class room_host final : private hosted<room_control> {
 public:
  /// Restores the stored state, null where there is none; throws what the behaviour throws.
  room_host(runtime::actor_base* self, context& ctx, hosting_room& room, room_id id, room_build_ptr build,
            const storage::bytes_ptr& state);
  ~room_host();
  room_host(const room_host&) = delete;
  room_host& operator=(const room_host&) = delete;

  void start(beginning how) { behaviour_->on_start(how); }
  /// One of the two is called, now or later, unless the join is withdrawn or the room's life ends.
  struct decision {
    std::function<void(const codecs::payload_ptr& reply)> accept;
    std::function<void(codecs::error)> refuse;
  };
  void join(const subscription_ptr& who, codecs::payload_ptr params, decision what);
  /// That membership is over: true where it waited for a decision.
  bool withdraw(incarnation number);
  void left(const membership& who);
  void publish(const room::publish& message);

  /// What the room's states must know beside their own messages.
  caf::message_handler handlers() { return host().handlers(); }

  /// Stores a changed state that no message carried.
  void keep_state();
  /// The message that carried it was a repeat, or was refused.
  void state_not_stored() { changed(); }
  /// Nothing that needs the room in memory: no timer, no question, no undecided request.
  bool idle() const;

  /// Restores this room's state in another build, without any effect. Empty: it can; else why not.
  std::optional<std::string> try_build(const room_build& other);
  /// Puts it in the place of this one, at once where no question is open, else when the last one is answered, after
  /// limits::swap_patience at the latest; then calls `done`, with the reason where the older one has to go on.
  void swap(room_build_ptr next, std::function<void(std::string)> done);
  bool swapping() const noexcept { return next_ != nullptr; }

 private:
  struct undecided_publish;
  struct undecided_join;
  using sender_id = std::pair<std::string, std::string>;

  // room_control
  const room_id& id() const noexcept override { return id_; }
  std::vector<party> members() const override;
  std::size_t member_count() const noexcept override { return room_.members().size(); }
  void publish(publication what) override;
  void push_event(const session_id& to, std::string event, codecs::payload_ptr payload) override;
  void show(const session_id& whom, codecs::payload_ptr meta) override;
  void remove(const session_id& whom, std::string reason) override;
  void changed() override;
  void decide(const room::publish& m);
  void decide_next();
  void decide_new(const room::publish& m, std::optional<storage::idempotency> once);
  storage::bytes_ptr state_to_store();
  void take_over();
  std::unique_ptr<room_behaviour> restored(const room_build& other, room_control& with) const;

  context& ctx_;
  hosting_room& room_;
  room_id id_;
  std::set<undecided_publish*> undecided_;
  std::map<sender_id, undecided_publish*> by_id_;  ///< those whose sender chose an id
  std::map<incarnation, undecided_join*> joins_;
  std::deque<room::publish> waiting_;  ///< behind one whose id is being looked for
  bool recalling_ = false;
  std::shared_ptr<const int> alive_ = std::make_shared<const int>(0);  ///< for what may come back after the end
  bool changed_ = false;                                               ///< since the state was stored
  room_build_ptr build_, next_;
  std::function<void(std::string)> swapped_;
  std::unique_ptr<room_behaviour> behaviour_;  ///< the last to come and the first to go: it holds requests
};

}  // namespace greenroom
