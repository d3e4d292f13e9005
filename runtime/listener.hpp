/// LISTENER accepts TCP connections of one address for one shard. Every shard has its own with SO_REUSEPORT, so that
/// the kernel spreads connections over the shards and none of them is handed over.
///
/// Lifecycle: `probe` once per address (before the shards share it), then one listener a shard; `close()` or the
/// destructor stops accepting. Threading: made, closed and destroyed on its shard; `probe` anywhere. Bounds: at most
/// `accepts_per_wake` connections are taken at once; the kernel keeps `backlog` waiting. Failure: an address that
/// cannot be had throws `std::system_error` at start-up. When the process is out of descriptors a reserve lets in one
/// client at a time, who hears `farewell` and is closed; then it rests `retry_ms` instead of spinning, and counts both. A
/// crowd that comes at once is let in at `accepts_per_second`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "runtime/address.hpp"
#include "runtime/unique_fd.hpp"

namespace greenroom::runtime {

class shard;

/// Makes sure that nobody else listens there (a bind with SO_REUSEPORT would share the port without a word) and
/// resolves port 0. Throws `std::system_error` whose text names the address.
listen_address probe(const listen_address& wanted);

struct listener_stats {
  std::uint64_t accepted = 0;
  std::uint64_t rests = 0;        ///< Times that accepting paused, because descriptors or memory were short.
  std::uint64_t held = 0;         ///< Times that it paused for `accepts_per_second`.
  std::uint64_t turned_away = 0;  ///< Connections closed for lack of a descriptor.
};

struct listener_options {
  int backlog = 4'096;
  std::uint32_t accepts_per_wake = 4;
  std::uint32_t retry_ms = 100;
  std::uint32_t accepts_per_second = 0;     ///< on this shard; over it clients wait in the backlog; 0: as they come
  std::function<std::string()> farewell{};  ///< What a client reads for whom no descriptor is left; empty: nothing.
};

class listener {
 public:
  using accept_function = std::function<void(unique_fd)>;  ///< The socket: non-blocking, close-on-exec, TCP_NODELAY.

  listener(shard& home, const listen_address& where, accept_function on_accept, listener_options options = {});
  /// For a socket that is bound already, of any kind.
  listener(shard& home, unique_fd bound, accept_function on_accept, listener_options options = {});
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  void close();
  const listener_stats& stats() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace greenroom::runtime
