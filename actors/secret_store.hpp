/// SECRET_STORE keeps secrets for the node: a value is sealed here (storage/vault.hpp), before it reaches the writer. It
/// also wraps all data keys, of secrets and of encrypted rooms, anew under the newest key-encryption key, while
/// everything else goes on.
///
///   put ─▶ sealed ─▶ writer            rotate ─▶ a batch of records under older keys ─▶ rewrapped ─▶ writer ─▶ next
///
/// A rotation needs to remember nothing: what is left of it is what an older key wraps. After a crash or a restart the
/// next `rotate` goes on there.
///
/// Parent: operations supervisor, permanent, detached: it reads from the disk.
/// Crash: who waits is told so; a rotation ends where it is.
/// Bounds: those of the store (storage::limits::secret*); a batch of a rotation.
#pragma once
#include <caf/actor.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "storage/errc.hpp"
#include "storage/secret.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::secret_store {

struct options {
  context& ctx;
};

struct put {
  std::string name, value;
  struct reply {
    storage::errc error = storage::errc::success;
  };
};
struct erase {
  std::string name;
  struct reply {
    storage::errc error = storage::errc::success;
  };
};
struct list {  ///< By name, after `after`; without what they say.
  std::string after;
  std::size_t count_max = 0;
  struct reply {
    std::vector<storage::stored_secret> all;
  };
};

struct progress {
  bool running = false;
  std::uint64_t done = 0;    ///< data keys that this rotation has wrapped anew
  std::uint64_t left = 0;    ///< that an older key wraps
  std::uint64_t locked = 0;  ///< met so far, of those: their key is not here, or does not unwrap them
  std::string why{};         ///< it ended before its end; empty: it did not
};
struct rotate {  ///< Begins a rotation, unless one runs.
  struct reply {
    progress now;
  };
};
struct look {  ///< How far it is.
  struct reply {
    progress now;
  };
};
struct count {  ///< Which keys wrap how many data keys. Looks at each.
  struct reply {
    std::vector<storage::kek_use> all;
    progress now;
  };
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::secret_store

GREENROOM_REQUEST(greenroom::secret_store::put)
GREENROOM_REQUEST(greenroom::secret_store::erase)
GREENROOM_REQUEST(greenroom::secret_store::list)
GREENROOM_REQUEST(greenroom::secret_store::rotate)
GREENROOM_REQUEST(greenroom::secret_store::look)
GREENROOM_REQUEST(greenroom::secret_store::count)
