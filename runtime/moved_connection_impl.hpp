/// MOVED_CONNECTION is an HTTP connection between two shards: its socket, what was read and not used, what is unsent, and the
/// request that waits for its answer. Private to runtime's sources.
///
/// Lifecycle: from `connection::move_to` to the server that takes it; dropped on the way, it closes the socket. Threading:
/// nothing in it belongs to a loop. Bounds: those of a request, of one read ahead and of half an HTTP outbox.
#pragma once

#include <chrono>
#include <cstddef>

#include "runtime/address.hpp"
#include "runtime/corked_impl.hpp"
#include "runtime/http.hpp"
#include "runtime/http_shards.hpp"

namespace greenroom::runtime {

enum class request_kind : std::uint8_t { plain, handshake };

struct moved_connection {
  corked::parts link;
  http_request request;
  request_kind kind = request_kind::plain;
  bool keep_alive = true;
  bool returned = false;  ///< Where it went there was no server: it is answered where it came from.
  socket_end peer, local;
  std::chrono::steady_clock::time_point began;  ///< The request's first byte.
  std::size_t from = 0;                         ///< The shard that it left.
};

inline moved_connection_ptr make_moved(moved_connection what) {
  return {new moved_connection{std::move(what)}, [](moved_connection* gone) { delete gone; }};
}

}  // namespace greenroom::runtime
