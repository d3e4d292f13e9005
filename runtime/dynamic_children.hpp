/// DYNAMIC_CHILDREN makes an actor the supervisor of many children that come and go: rooms, sessions, connections. It
/// is a member of that actor's State, which keeps its own table of names and is told when an entry is to be forgotten.
///
///   struct state {
///     explicit state(...) : rooms{self, {.id = "rooms", .ended = [this](auto& who, auto&) { forget(who); }}} {}
///     caf::behavior start() { return rooms.handlers().or_else([this](const find& f) { … }); }
///     runtime::dynamic_children rooms;
///   };
///   caf::actor lobby = rooms.start([&](place p) { return room::spawn(p, options); });
///
/// Crash of a child: restarted in place, within its own intensity or back-off. Over it the child is given up *alone*:
/// killed,
///   gave_up() called, everybody else untouched. A child that really ended (quit, killed) is forgotten; ended() is
///   called.
/// Lifecycle: it takes the State's down handler (a State that monitors others sets its own and calls down() first), and
/// kills
///   what is left when it is destroyed: children do not outlive their supervisor. One of it in a State.
/// Threading: its actor's. Bounds: about 80 B a child; more only for those that have failed. Lookup O(1).
#pragma once

#include <caf/actor.hpp>
#include <caf/error.hpp>
#include <caf/message_handler.hpp>
#include <caf/timespan.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/actor_base.hpp"
#include "runtime/restart_policy.hpp"
#include "runtime/supervisor.hpp"

namespace greenroom::runtime {

namespace dynamic {
struct retry {  ///< To itself: a child's back-off is over.
  caf::actor_id child;
};
struct overdue {  ///< To itself: the shutdown time of one child, or of a batch, is over.
  caf::actor_id child = 0;
  std::uint64_t batch = 0;
};
}  // namespace dynamic

class dynamic_children {
 public:
  struct options {
    std::string id;
    runtime::restart restart = runtime::restart::permanent;  ///< temporary: a crash gives the child up at once
    restart_limit limit = intensity{};
    caf::timespan shutdown = limits::child_shutdown;
    /// The child is being killed, it failed too often; ended() is not called for it.
    std::function<void(const caf::actor& who, const caf::error& reason)> gave_up = nullptr;
    std::function<void(const caf::actor_addr& who, const caf::error& reason)> ended = nullptr;
    std::optional<std::uint32_t> seed = std::nullopt;  ///< of the back-off's jitter; none: random
  };

  dynamic_children(actor_base* self, options opts);
  ~dynamic_children();
  dynamic_children(const dynamic_children&) = delete;
  dynamic_children& operator=(const dynamic_children&) = delete;

  /// Spawns a child at the place given, which may be changed but for its supervisor. Null when stopping.
  template <class Spawn>
  caf::actor start(Spawn spawn_at) {
    return stopping_ ? caf::actor{} : adopt(spawn_at(self_->under_me()));
  }

  std::size_t size() const noexcept { return children_.size(); }
  bool owns(const caf::actor_addr& who) const { return children_.contains(who.id()); }
  std::uint64_t restarts() const noexcept { return restarts_; }

  /// Ends one child: exit, then kill after its shutdown time. ended() follows.
  void stop(const caf::actor& who);
  /// Ends all, the youngest first, 256 at once, each batch within the shutdown time; then calls `done`.
  void stop_all(std::function<void()> done);

  /// What the State's behaviour must know: the children's reports, describe, this class's own timers.
  caf::message_handler handlers();
  /// False: none of the children.
  bool down(const caf::down_msg& m);
  supervisor::describe::reply describe() const;

 private:
  /// Kept for children that have failed.
  struct trouble {
    explicit trouble(restart_limit limit) : record{limit} {}
    restart_record record;
    restart_record::time_point restarted_at{};
    std::uint32_t restarts = 0;
    bool waiting = false, given_up = false;
    std::string last_error;
  };

  caf::actor adopt(caf::actor child);
  void failed(const lifecycle::failed& m);
  void retry(caf::actor_id child);
  void arm(dynamic::overdue what);
  void overdue(const dynamic::overdue& m);
  void give_up(const caf::actor& who, trouble& its, const caf::error& reason);
  void stop_next_batch();
  supervisor::describe::child described(caf::actor_id id, const caf::actor& who) const;

  actor_base* self_;
  options opts_;
  std::minstd_rand random_;
  std::unordered_map<caf::actor_id, caf::actor> children_;
  std::unordered_map<caf::actor_id, trouble> troubles_;
  std::uint64_t restarts_ = 0;

  bool stopping_ = false;
  std::function<void()> stopped_;
  std::vector<caf::actor_id> to_stop_;  ///< the youngest last
  std::vector<caf::actor_id> batch_;
  std::size_t batch_left_ = 0;
  std::uint64_t batches_ = 0;
};

}  // namespace greenroom::runtime

GREENROOM_MESSAGE(greenroom::runtime::dynamic::retry)
GREENROOM_MESSAGE(greenroom::runtime::dynamic::overdue)
