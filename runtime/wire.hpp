/// WIRE is how a connection's bytes pass through its descriptor: as they are, or later as TLS records (OpenSSL on the
/// descriptor). Whatever stands above waits for what a wire asks for and knows nothing else about it.
///
/// Lifecycle: owned by one connection through `wire_ptr`, gone before its descriptor closes; the plain wire keeps nothing
/// about a connection and is one object for all. Threading: its shard's.
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
  virtual wire_result read(int socket, std::span<const iovec> into) = 0;
  virtual wire_result write(int socket, std::span<const iovec> from) = 0;
  virtual void finish(int socket) = 0;  ///< Tells the peer that nothing more will be written.
  virtual void release() noexcept = 0;  ///< Its connection needs it no more.

 protected:
  ~wire() = default;
};

struct wire_release {
  void operator()(wire* done) const noexcept { done->release(); }
};
using wire_ptr = std::unique_ptr<wire, wire_release>;

/// Bytes as they are, for connected non-blocking stream sockets.
wire_ptr plain_wire() noexcept;

}  // namespace greenroom::runtime
