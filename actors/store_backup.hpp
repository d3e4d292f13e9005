/// STORE_BACKUP copies the database into a file while the node runs, a few pages at a time: between two of its steps the
/// writer has the database for itself, so that a commit waits for one step at most.
///
/// Parent: store supervisor, permanent, detached: it waits for the disk.
/// Crash: the copy that was made is given up, who waits for it is told errc::crashed; nothing of it stays.
/// Bounds: one copy at a time; a step's pages.
#pragma once
#include <caf/actor.hpp>
#include <cstdint>
#include <string>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "storage/sqlite_backup.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::store_backup {

struct options {
  context& ctx;
};

struct back_up {
  std::string file;  ///< absolute
  storage::existing_file old = storage::existing_file::refuse;
  struct reply {
    std::string why{};  ///< it did not work; empty: it is on disk
    std::uint64_t bytes = 0;
    std::int64_t took_ms = 0;
  };
};

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::store_backup

GREENROOM_REQUEST(greenroom::store_backup::back_up)
