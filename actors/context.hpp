/// CONTEXT is what every actor of a node is given: the config, the store, the clock, the figures, and the handles of
/// the actors that are always there. Supervision restarts actors in place, so the handles are set once, before the
/// first connection is accepted, and never change.
///
/// Threading: read from every shard. Lifecycle: made by the engine before the first actor, outlives the last.
#pragma once
#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/channel_patterns.hpp"
#include "actors/compressor.hpp"
#include "actors/extensions.hpp"
#include "actors/ids.hpp"
#include "actors/meters.hpp"
#include "actors/room_builds.hpp"
#include "actors/room_policy.hpp"
#include "actors/service_board.hpp"
#include "actors/turn_line.hpp"
#include "actors/worker_board.hpp"
#include "codecs/call.hpp"
#include "runtime/config.hpp"

namespace greenroom::runtime {
class shard;
class tls_context;
}  // namespace greenroom::runtime
namespace greenroom::storage {
class sqlite_store;
class store;
class vault;
}  // namespace greenroom::storage

namespace greenroom {

class api_keys;
class audit;
class pressure;
class permissions;
class rate_limits;
class revocations;
class schemas;
class tokens;

enum class stage : std::uint8_t { starting, ready, draining };

struct context {
  const runtime::config& config;
  storage::store& memory;                     ///< logs of ephemeral rooms; called at once, from any shard
  storage::store& disk;                       ///< everything else: written by `writer`, read by `readers`
  storage::sqlite_store* database = nullptr;  ///< `disk` as what it is; null in tests, where it is something else
  greenroom::meters& meters;
  room_policies policies;
  const greenroom::extensions extensions{};  ///< what the program brought along
  room_builds behaviours{extensions};
  channel_patterns channels{extensions.channels()};
  std::shared_ptr<const greenroom::tokens> tokens{};  ///< null: no token is accepted
  std::string version;                                ///< of this build
  std::chrono::steady_clock::time_point started{};
  std::function<std::int64_t()>
      now_ms;  ///< milliseconds since 1970: the wall's at start, advanced by the monotonic clock

  /// What a gateway's sockets have counted, as of a second ago. Written by its shard, read by scrapes.
  struct socket_figures {
    std::atomic<std::uint64_t> accepted{0}, rests{0}, held{0}, refused{0}, bytes_in{0}, bytes_out{0},
        dropped_removed{0}, dropped_closed{0}, handshakes{0}, handshakes_failed{0};
  };
  struct shard_actors {
    runtime::shard* home = nullptr;  ///< null in tests
    std::unique_ptr<socket_figures> sockets = std::make_unique<socket_figures>();
    std::unique_ptr<greenroom::compressors> compressors{};
    std::unique_ptr<turn_line> line = std::make_unique<turn_line>();
    caf::actor relay, rooms, queue, presence, router, gateway;
  };
  std::vector<shard_actors> shards;
  caf::actor writer;                ///< of `disk`
  std::vector<caf::actor> readers;  ///< at least one
  caf::actor backups{};             ///< of `database`; null where there is none
  caf::actor sessions;
  caf::actor plugins{};                                         ///< null where the node has none, and in tests
  caf::actor services{}, workers{};                             ///< the routers' targets; null: there are none
  std::shared_ptr<runtime::tls_context> tls{};                  ///< null: no address of the gateway speaks TLS
  std::shared_ptr<const greenroom::permissions> permissions{};  ///< null: those of the namespaces alone
  std::shared_ptr<greenroom::api_keys> keys{};                  ///< null: no API key is accepted
  std::shared_ptr<greenroom::revocations> revoked{};            ///< null: nothing is
  std::shared_ptr<greenroom::rate_limits> limits{};             ///< null: there are none
  std::shared_ptr<greenroom::pressure> pressure{};              ///< how much memory is in use; null: nobody looks
  std::shared_ptr<greenroom::audit> audit{};                    ///< null: nothing is recorded
  std::shared_ptr<greenroom::storage::vault> vault{};           ///< of the secrets; null: the config names no key
  std::shared_ptr<const greenroom::schemas> schemas{};          ///< null: there are none
  service_board board{};
  worker_board workers_now{};  ///< who works for the node

  std::atomic<stage> at{stage::starting};
  std::atomic<std::uint64_t> last_incarnation{0}, last_message{0}, last_call{0};
  std::atomic<std::int64_t> last_stamp{0};
  std::atomic<std::uint32_t> sessions_opening{0};           ///< whose result is not written yet
  mutable std::atomic<std::uint64_t> uncommitted_bytes{0};  ///< of messages on their way to the disk
  std::string
      process_prefix;  ///< of the ids that this process gives to messages: random, so that no two processes share one

  incarnation next_incarnation() noexcept {
    return incarnation{last_incarnation.fetch_add(1, std::memory_order_relaxed) + 1};
  }
  /// Orders what happens on several shards: microseconds since 1970, never the same twice.
  std::int64_t next_stamp();
  std::string next_message_id();
  const caf::actor& rooms_of(std::string_view room) const;     ///< the directory of that room's shard
  const caf::actor& busiest_rooms() const;                     ///< the directory that is farthest behind
  std::size_t queue_index(std::string_view user) const;        ///< the shard of that queue
  const caf::actor& queue_of(std::string_view user) const;     ///< the offline queue that owns that user's inbox
  const caf::actor& presence_of(std::string_view user) const;  ///< the actor that knows whether that user is there
  /// Whether the writer has as much before it as it may: who asks for more is told to come later.
  bool writer_is_behind() const noexcept;
  /// What an acknowledgement of such a room may promise: never more than the store keeps.
  codecs::ack_level ack_level_of(const room_policy& policy) const;
};

}  // namespace greenroom
