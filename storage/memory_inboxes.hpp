/// All inboxes of the memory backend, by user. An inbox that was emptied stays, because its numbers must grow; when its
/// stripe has no place left the empty ones are forgotten, and whoever comes back starts above all forgotten numbers.
///
/// Threading: any thread; one lock a stripe, and that of the dead letters inside it.
/// Bounds: a user's by each operation; all bytes: `errc::unavailable`; `inboxes_max`, cut evenly among the stripes.
#pragma once

#include <functional>
#include <map>

#include "storage/budget.hpp"
#include "storage/dead_letters.hpp"
#include "storage/memory_inbox.hpp"
#include "storage/store.hpp"
#include "storage/striped.hpp"

namespace greenroom::storage {

class memory_inboxes {
 public:
  memory_inboxes(std::uint64_t bytes_max, std::size_t inboxes_max, dead_letters& dead);

  outcome execute(const inbox_append& op);
  outcome execute(const inbox_ack& op);
  outcome execute(const inbox_expire& op);
  outcome execute(const inbox_attempt& op);
  outcome execute(const inbox_purge& op);
  outcome execute(const dead_replay& op);
  std::size_t sweep(std::size_t stripe, std::int64_t now_ms, std::size_t removals_max);

  inbox_state state(std::string_view user) const;
  inbox_page read(std::string_view user, std::uint64_t after, std::size_t count_max, std::size_t bytes_max,
                  std::int64_t now_ms) const;
  std::vector<inbox_summary> list(std::string_view after, std::size_t count_max) const;
  void count(statistics& into) const;

 private:
  using boxes = std::map<std::string, memory_inbox, std::less<>>;  // ordered: it is listed by name
  struct stripe {
    boxes all;
    share used;
    std::uint64_t forgotten_upto = 0;  // no number up to this one is given again
    std::uint64_t holding = 0;         // inboxes with messages
    std::uint64_t queued = 0, bytes = 0, accepted = 0, acknowledged = 0, purged = 0, full = 0, unavailable = 0;
  };
  class edit;

  memory_inbox* find_or_make(stripe& in, const std::string& user);  // null: there are too many
  errc make_room(stripe& in, const std::string& user, memory_inbox& box, std::uint64_t bytes,
                 const inbox_bounds& bounds, std::int64_t now_ms);
  std::size_t bury_expired(std::string_view user, memory_inbox& box, std::int64_t now_ms, std::size_t removals_max);

  dead_letters& dead_;
  budget budget_;
  const std::size_t per_stripe_max_;
  striped<stripe> stripes_;
};

}  // namespace greenroom::storage
