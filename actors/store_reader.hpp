/// STORE_READER reads from the durable store on a thread of its own; a node has several.
///
///   room, relay, queue, directory ── read_log … ──▶ reader ──▶ what it found
///
/// It sees every batch that was answered before it was asked.
///
/// Parent: store supervisor, permanent, detached: it waits for the disk.
/// Crash: who asked is told so (errc::crashed).
/// Bounds: those of the questions; who asks has one question open for each of what it asks for.
#pragma once
#include <caf/actor.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/actor.hpp"
#include "runtime/ask.hpp"
#include "storage/inbox.hpp"
#include "storage/log.hpp"
#include "storage/operation.hpp"
#include "storage/session.hpp"

namespace greenroom {
struct context;
}

namespace greenroom::store_reader {

struct options {
  context& ctx;
};

struct read_log {  ///< After `after`, from the oldest on; with `before` instead: the newest below it, oldest first.
  std::string log;
  std::uint64_t after = 0;
  std::optional<std::uint64_t> before{};
  std::size_t count_max = 0, bytes_max = 0;
  struct reply {
    storage::log_page page;
  };
};
struct read_head {
  std::string log;
  struct reply {
    std::optional<storage::log_head> head;
  };
};
struct read_snapshot {
  std::string log;
  struct reply {
    storage::bytes_ptr snapshot;
  };
};
struct recall {
  storage::idempotency once;
  std::int64_t now_ms = 0;
  struct reply {
    std::optional<storage::outcome> known;
  };
};
struct read_inbox {
  std::string user;
  std::uint64_t after = 0;
  std::size_t count_max = 0, bytes_max = 0;
  std::int64_t now_ms = 0;
  struct reply {
    storage::inbox_page page;
  };
};
struct find_session {
  std::string id;
  struct reply {
    std::optional<storage::stored_session> session;
  };
};
struct list_inboxes {
  std::string after;
  std::size_t count_max = 0;
  struct reply {
    std::vector<storage::inbox_summary> all;
    std::vector<std::int64_t> oldest_ms;  ///< when the first message of each was stored
  };
};
struct list_holders {  ///< Whose inboxes hold messages.
  std::string after;
  std::size_t rows_max = 0;
  struct reply {
    std::optional<storage::holders_page> page;  ///< none: the disk could not be read
  };
};
struct list_dead {
  std::optional<std::string> user, room;  ///< of one of them, or all
  std::uint64_t after = 0;
  std::size_t count_max = 0;
  struct reply {
    std::vector<storage::dead_letter> all;
  };
};
struct find_dead {  ///< Those of them that are there.
  std::vector<std::uint64_t> letters;
  struct reply {
    std::vector<storage::dead_letter> all;
  };
};

/// Which reader is asked for that log, user or session: questions about one thing are answered in their order.
const caf::actor& of(const context& ctx, std::string_view key);

caf::actor spawn(const runtime::place& where, options opts);

}  // namespace greenroom::store_reader

GREENROOM_REQUEST(greenroom::store_reader::read_log)
GREENROOM_REQUEST(greenroom::store_reader::read_head)
GREENROOM_REQUEST(greenroom::store_reader::read_snapshot)
GREENROOM_REQUEST(greenroom::store_reader::recall)
GREENROOM_REQUEST(greenroom::store_reader::read_inbox)
GREENROOM_REQUEST(greenroom::store_reader::find_session)
GREENROOM_REQUEST(greenroom::store_reader::list_inboxes)
GREENROOM_REQUEST(greenroom::store_reader::list_holders)
GREENROOM_REQUEST(greenroom::store_reader::list_dead)
GREENROOM_REQUEST(greenroom::store_reader::find_dead)
