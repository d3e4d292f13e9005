/// TURN_LINE is where the connections of one shard stand that have more to say than their fair share: a few at a time bring
/// some messages each, the others wait in the order in which they came. What a flood has before the rooms at once is thus
/// bounded, however many clients take part in it, and what a quiet client sends has little before it.
///
///   away ──sit()──▶ seated ──leave()──▶ away          a seat is free
///          └──────▶ standing ──(leave() of another)──▶ seated, and is told so by whoever left
///
/// Threading: its shard's. Bounds: limits::turns_at_once seats; one place a connection. Failure: a place that dies gives up
/// what it has; who comes next is told by its owner, who takes it from `leave`.
#pragma once
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

  /// One connection's. It is in the line of one shard only.
  class place : private runtime::link {
   public:
    explicit place(runtime::actor_base* owner) noexcept : owner_{owner} {}
    ~place() = default;
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    stage at() const noexcept { return at_; }
    runtime::actor_base* owner() const noexcept { return owner_; }

   private:
    friend class turn_line;
    friend class runtime::link_list<place>;
    runtime::actor_base* owner_;
    stage at_ = stage::away;
  };

  /// Nobody waits.
  bool empty() const noexcept { return standing_.empty(); }

  /// Takes a seat, or a place at the end of the line: `place.at()` says which.
  void sit(place& who) noexcept {
    if (taken_ < limits::turns_at_once) {
      ++taken_;
      who.at_ = stage::seated;
    } else {
      who.at_ = stage::standing;
      standing_.append(who);
    }
  }

  /// Gives up what it has. Who has its seat now and is to be told; null: nobody.
  place* leave(place& who) noexcept {
    who.unlink();
    if (std::exchange(who.at_, stage::away) != stage::seated) return nullptr;
    if (standing_.empty()) {
      --taken_;
      return nullptr;
    }
    auto& next = standing_.pop_front();
    next.at_ = stage::seated;
    return &next;
  }

 private:
  runtime::link_list<place> standing_;
  std::size_t taken_ = 0;  ///< seats
};

}  // namespace greenroom
