/// TURN_LINE is where the connections of one shard stand that have more to say than their fair share: a few at a time bring
/// some messages each, the others wait in the order in which they came. What a flood has before the rooms at once is thus
/// bounded, however many clients take part in it, and what a quiet client sends has little before it. Those who flood
/// (client_limits) have a seat and a line of their own: nobody else stands behind them.
///
///   away ──sit()──▶ seated ──leave()──▶ away          a seat is free
///          └──────▶ standing ──(leave() of another)──▶ seated, and is told so by whoever left
///
/// Threading: its shard's. Bounds: limits::turns_at_once and flood_turns_at_once seats; one place a connection. Failure: a place
/// that dies gives up what it has; who comes next is told by its owner, who takes it from `leave`.
#pragma once
#include <array>
#include <caf/actor.hpp>
#include <cstddef>
#include <cstdint>

#include <utility>

#include "actors/limits.hpp"
#include "runtime/link.hpp"

namespace greenroom::runtime {
class actor_base;
}

namespace greenroom {

class turn_line {
 public:
  enum class stage : std::uint8_t { away, standing, seated };
  enum class conduct : std::uint8_t { fair, floods };

  /// One connection's. It is in the line of one shard only.
  class place : private runtime::link {
   public:
    explicit place(runtime::actor_base* owner) noexcept : owner_{owner} {}
    ~place() = default;
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    stage at() const noexcept { return at_; }
    conduct of() const noexcept { return of_; }  ///< when it sat down
    runtime::actor_base* owner() const noexcept { return owner_; }

   private:
    friend class turn_line;
    friend class runtime::link_list<place>;
    runtime::actor_base* owner_;
    stage at_ = stage::away;
    conduct of_ = conduct::fair;
  };

  /// Nobody waits, but for those who flood.
  bool empty() const noexcept { return lines_[0].standing.empty(); }

  /// Takes a seat, or a place at the end of its line: `place.at()` says which.
  void sit(place& who, conduct of = conduct::fair) noexcept {
    who.of_ = of;
    auto& its = of_line(who);
    if (its.free != 0) {
      --its.free;
      who.at_ = stage::seated;
    } else {
      who.at_ = stage::standing;
      its.standing.append(who);
    }
  }

  /// Gives up what it has. Who has its seat now and is to be told; null: nobody.
  place* leave(place& who) noexcept {
    who.unlink();
    if (std::exchange(who.at_, stage::away) != stage::seated) return nullptr;
    auto& its = of_line(who);
    if (its.standing.empty()) {
      ++its.free;
      return nullptr;
    }
    auto& next = its.standing.pop_front();
    next.at_ = stage::seated;
    return &next;
  }

 private:
  struct one {
    std::size_t free;  ///< seats
    runtime::link_list<place> standing{};
  };
  one& of_line(const place& who) noexcept { return lines_[static_cast<std::size_t>(who.of_)]; }

  std::array<one, 2> lines_{{{limits::turns_at_once}, {limits::flood_turns_at_once}}};
};

/// Tells a connection that its turn is over (connection::turn) once what it has said until now has passed that directory of rooms.
/// Of one that floods that is not before the loop's next turn: one of them is heard in each.
void time_turn(const caf::actor& rooms, runtime::actor_base& whose, turn_line::conduct how);

}  // namespace greenroom
