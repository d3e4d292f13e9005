/// ROOM_HISTORY reads a room's log for those who ask: pages, and what a joiner missed.
///
/// Lifecycle: a member of the room's State. Threading: the room's. Bounds: limits::history_*, limits::missed_*.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "actors/room_log.hpp"
#include "codecs/call.hpp"
#include "codecs/envelope.hpp"
#include "codecs/outcome.hpp"

namespace greenroom {

class room_history {
 public:
  room_history(const room_log& log, std::string room) : log_{log}, room_{std::move(room)} {}

  struct gap {
    std::string reason;  ///< why it is not told; empty: it is
    std::vector<codecs::envelope_ptr> missed{};
    std::uint64_t position = 0;  ///< up to which the joiner has everything
  };
  /// Why what follows `since` is not in the log any more; empty: all of it is.
  std::string lost(const codecs::position& since) const;
  /// All that follows `since` and the members have been told, or why the answer of a join cannot hold it.
  void recover(const codecs::position& since, std::function<void(gap)> then) const;
  void page(const codecs::calls::room_history& what, std::function<void(codecs::outcome)> then) const;

 private:
  codecs::envelope_ptr envelope_of(const storage::record& from) const;
  gap gap_of(std::uint64_t since, const storage::log_page& page) const;

  const room_log& log_;
  const std::string room_;
};

}  // namespace greenroom
