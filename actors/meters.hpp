/// METERS are the figures of the engine: what the actors count on the way, in the words of docs/operating.md. One set
/// of plain counters a shard, found by the thread that counts; a scrape adds them up (runtime/metrics.hpp).
///
/// Threading: every function on a shard's thread (or, without shards, on the only thread of a test). Bounds: the
/// methods of the protocol, those of the program's services, and one "other"; the close codes and drop reasons of their tables.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/codec.hpp"
#include "runtime/metrics.hpp"

namespace greenroom {

/// Why messages were not delivered.
enum class drop_reason : std::uint8_t {
  slow_consumer,  ///< the policy `disconnect`: what was unsent
  latest,         ///< the policy `latest`: gave way to newer ones
  trimmed,        ///< a member that caught up found that history was over
  damaged,        ///< a stored message could not be read
  presence,       ///< who is there, to a member whose outbox is full: it gets the newest later
};

/// How a request to a client ended.
enum class request_end : std::uint8_t {
  answered,     ///< with a result
  refused,      ///< the client answered with an error
  timed_out,    ///< it did not answer in time
  unavailable,  ///< there was no client, it went, or too many requests were open
  late,         ///< an answer that nobody waited for
};

/// What happens to sessions of Engine.IO.
enum class engineio_event : std::uint8_t {
  opened_polling,
  opened_websocket,
  upgraded,   ///< from polling to a WebSocket
  timed_out,  ///< no pong in time
  refused,    ///< a request that the protocol has an error code for
};

/// How a request to a worker ended.
enum class worker_end : std::uint8_t {
  answered,
  failed,   ///< the worker answered with an error
  lost,     ///< the worker went, or the session between them crashed
  overdue,  ///< never answered
  refused,  ///< its session had too many questions open
};

/// One method on one shard.
struct method_meter {
  std::string name;
  runtime::counter* calls = nullptr;
  runtime::histogram* latency = nullptr;
};

class meters {
 public:
  /// Defines the families; `shards` books must be there. `of_services`: methods that are counted by their names, too.
  meters(runtime::metrics& to, std::size_t shards, const std::vector<std::string>& of_services = {});

  method_meter& method(std::string_view name);
  void answered(const method_meter& method, int error, std::chrono::steady_clock::time_point asked);
  void received(codecs::encoding in, std::size_t bytes);
  /// `compressed`: how many of the messages are.
  void sent(codecs::encoding in, std::size_t messages, std::size_t bytes, std::size_t compressed = 0);
  void encoded(codecs::encoding in, std::size_t messages);  ///< for whole rooms, once for all members
  void compressed(std::size_t runs, std::size_t bytes_before, std::size_t bytes_after);
  void compression_agreed();
  void flushed(std::chrono::nanoseconds since_received);
  void dropped(drop_reason why, std::uint64_t messages);
  void roster_sent(std::string_view kind, std::uint64_t members);  ///< `whole` or `changes`
  void presence_changed();
  void watch_refused();
  void last_seen_forgotten(std::uint64_t users);
  void connection_closed(std::uint16_t code);
  void session_opened(bool resumed);
  void session_not_stored();  ///< opened while the store took nothing: it cannot be resumed, or keeps its token
  void session_expired_early();
  void token_refused();
  void refused(std::string_view method);  ///< a call that its caller may not make; an unknown method counts as "other"
  void membership_revoked();              ///< or a channel: a newer token allows less
  void client_request(request_end how);
  void worker_call(worker_end how, std::chrono::nanoseconds took);
  void engineio(engineio_event what);
  void push_dropped();  ///< something for a session without a client

  // What there is now. Any thread.
  std::atomic<std::uint64_t> connections{0}, sessions{0}, detached_sessions{0}, rooms{0}, users_online{0}, watches{0};
  struct sums {
    std::uint64_t connections, sessions, users_online, rooms, messages_in, messages_out;
  };
  sums totals() const;
  std::string scrape() const { return metrics_.scrape(); }

 private:
  struct of_codec {
    runtime::counter *messages_in, *bytes_in, *messages_out, *bytes_out, *encoded;
  };
  struct of_shard {
    runtime::metrics::book* book;
    std::vector<of_codec> codecs;
    std::map<std::string, method_meter, std::less<>> methods;
    runtime::histogram* publish_to_flush;
    runtime::counter *compressed_out, *compressions, *compression_in, *compression_out;
  };
  void add_shard(runtime::metrics::book& book, const std::vector<std::string>& of_services);
  of_shard& here();

  runtime::metrics& metrics_;
  runtime::counter_id messages_in_, bytes_in_, messages_out_, bytes_out_, encoded_, calls_, errors_, drops_, rosters_,
      presence_changes_, watch_refusals_, forgotten_, closes_, opens_, not_stored_, early_expiries_, tokens_refused_,
      client_requests_, pushes_dropped_, compressed_out_, compressions_, compression_in_, compression_out_,
      compression_agreed_, worker_calls_, engineio_, refusals_, revocations_;
  runtime::histogram_id call_latency_, publish_to_flush_, worker_latency_;
  std::vector<of_shard> shards_;
};

}  // namespace greenroom
