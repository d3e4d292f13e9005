/// WIRE is how a connection's bytes pass through its descriptor: as they are, or later as TLS records (OpenSSL on the
/// descriptor). Whatever stands above waits for what a wire asks for and knows nothing else about it.
///
/// Lifecycle: part of one connection, gone before its descriptor closes. Threading: its shard's.
/// Failure: a broken peer is a result; nothing throws, and writing to a closed peer raises no signal.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace greenroom::runtime {

struct wire_result {
  enum class state : std::uint8_t {
    moved,        ///< `bytes` of them, at least one.
    wants_read,   ///< Nothing moved; try again when the descriptor is readable …
    wants_write,  ///< … or writable.
    ended,        ///< The peer sends nothing more.
    failed,       ///< `error` is the errno.
  };
  state what = state::moved;
  std::size_t bytes = 0;
  int error = 0;
};

class wire {
 public:
  virtual ~wire() = default;
  virtual wire_result read(std::span<const iovec> into) = 0;
  virtual wire_result write(std::span<const iovec> from) = 0;
  virtual void finish() = 0;  ///< Tells the peer that nothing more will be written.
};

/// Bytes as they are, on a connected non-blocking stream socket.
std::unique_ptr<wire> make_plain_wire(int socket);

}  // namespace greenroom::runtime
