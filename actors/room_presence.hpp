/// ROOM_PRESENCE is who is in a room, user by user, and what of it the members have not been told yet.
///
///   enter, leave ──▶ table ──▶ page()                        room.members
///                      └─────▶ what changed ──▶ take()       one notice a batch, the same for all who get it
///
/// What a session shows has a `ref`, another one with each change, never one that was used before: Phoenix' clients know
/// entries by it. A batch names those that are gone and those that are fresh, as its members saw them.
///
/// Who has just come gets `people`, the room as it is; who knew the room before gets `changes`. A room of more than
/// `users_max` users or `bytes_max` bytes is large: everybody gets its size and its first page instead, at a slower
/// pace, and only when one of the two is another.
///
/// Pure: no actor and no clock. Bounds: the table grows with the members; what changed is at most
/// limits::roster_changes_max users, then everybody gets `people`.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/subscription.hpp"
#include "codecs/outcome.hpp"

namespace greenroom {

class room_presence {
 public:
  struct bounds {
    std::size_t users_max = 100;
    std::size_t bytes_max = 256u << 10;  ///< of one notice, roughly
  };
  /// What one batch tells.
  struct tidings {
    enum class audience : std::uint8_t { newcomers, everybody };
    std::optional<codecs::pushes::room_changes> changes;  ///< for those who know the room
    std::optional<codecs::pushes::room_people> people;
    audience people_for = audience::newcomers;
    bool empty() const noexcept { return !changes && !people; }
  };
  enum class pace : std::uint8_t { never, soon, later };
  enum class turn : std::uint8_t { quick, slow };

  room_presence(std::string room, const bounds& most) : room_{std::move(room)}, most_{most} {}

  /// A session came, or shows something else. One that is there already keeps its `since`.
  void enter(const membership& who);
  void leave(const membership& who);
  std::size_t users() const noexcept { return people_.size(); }
  codecs::results::members page(std::string_view after, std::size_t count_max) const;

  void call_roll() { newcomers_ = true; }  ///< A member does not know who is here.
  void tell_everybody();                   ///< Nobody is known to know who is here.
  pace due() const noexcept;               ///< When take() has something to say.
  /// What has to be said now, and then is. A large room's members hear of it in slow turns only.
  tidings take(turn which);
  bool is_large() const noexcept { return large_; }

 private:
  struct entry {
    std::int64_t since_ms;
    codecs::payload_ptr meta;
    std::uint64_t ref, ref_prev = 0;
  };
  struct person {
    std::map<std::string, entry> sessions;
    std::size_t bytes = 0;
  };
  using table = std::map<std::string, person, std::less<>>;
  /// What the members were told of a user in the batch before.
  struct told_of {
    std::uint64_t digest = 0;  ///< 0: not here
    std::vector<codecs::results::presence_entry> entries;
  };

  codecs::results::member member_of(const table::value_type& who) const;
  static std::uint64_t digest(const person& who);
  std::uint64_t digest_of(const std::string& user) const;
  void touch(const std::string& user);
  void renew(const membership& who, entry& what) const;
  void restore(person& who, const told_of& before);
  void weigh();
  std::optional<codecs::pushes::room_changes> changes();
  codecs::pushes::room_people people() const;

  std::string room_;
  bounds most_;
  table people_;
  std::size_t bytes_ = 0;
  bool large_ = false;
  std::map<std::string, told_of> touched_;  ///< users
  bool everybody_ = false, newcomers_ = false;
  bool stale_ = false;           ///< a large room has changed since its members were told
  std::uint64_t told_page_ = 0;  ///< digest of the page that they were told
};

}  // namespace greenroom
