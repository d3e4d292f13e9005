/// A log is an ordered list of messages with positions: a room's history. The store gives the positions: `seq` 1, 2, 3
/// … within an `epoch`, without gaps, also when every message has been trimmed. An epoch ends only where history was
/// lost. Bodies are opaque here. Time is always passed in, as milliseconds since 1970.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/errc.hpp"

namespace greenroom::storage {

using bytes_ptr = std::shared_ptr<const std::string>;  ///< immutable, shared with whoever sends it on

/// A place in a log. A default one stands before everything.
struct position {
  std::string epoch{};
  std::uint64_t seq = 0;
  bool operator==(const position&) const = default;
};

/// What a log keeps. The newest messages that satisfy all three stay, the older ones are trimmed: by the next append,
/// at most `sweep_removals_max` at once, and by sweeps.
struct retention {
  std::uint64_t count = 0;  ///< messages; 0: the log keeps its head only
  std::uint64_t bytes = 0;  ///< of bodies; 0: as many as `count` allows
  std::int64_t age_ms = 0;  ///< 0: as old as they get
  bool operator==(const retention&) const = default;
};

struct record {
  std::uint64_t seq = 0;
  std::int64_t at_ms = 0;
  bytes_ptr body{};  ///< null: what the disk gave back is not what was stored
};

/// Where a log stands. It holds the messages `first` to `last`; none when `first == last + 1`.
struct log_head {
  std::string epoch{};
  std::uint64_t first = 1;
  std::uint64_t last = 0;   ///< the newest position ever given in this epoch
  std::uint64_t bytes = 0;  ///< of the bodies that are kept
  bool operator==(const log_head&) const = default;
};

/// A log's behaviour's state, as snapshots() lists it.
struct named_snapshot {
  std::string log{};
  bytes_ptr snapshot{};
};

/// An answer to a read: head and records are of the same moment. `errc::not_found` where the log does not exist,
/// `errc::unavailable` where the disk does not let it be read, or the key is missing that it is encrypted under.
struct log_page {
  errc error = errc::success;
  log_head head{};
  std::vector<record> records{};  ///< consecutive, oldest first
};

}  // namespace greenroom::storage
