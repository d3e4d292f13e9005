/// WIRE is how a connection's bytes pass through its descriptor: as they are, or as TLS records (tls.hpp). Whatever stands
/// above waits for what a wire asks for and knows nothing else about it.
///
/// Lifecycle: owned by one connection through `wire_ptr`, gone before its descriptor closes; the plain wire keeps nothing
/// about a connection and is one object for all. Threading: its shard's; it goes along when its connection moves.
/// Bounds: a wire holds at most one record of what was written, and one read of what comes in.
/// Failure: a broken peer is a result; nothing throws, and writing to a closed peer raises no signal.
#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace greenroom::runtime {

struct wire_result {
  enum class state : std::uint8_t {
    moved,        ///< `bytes` of them, at least one; of what moves no bytes: it is done.
    wants_read,   ///< Nothing moved; try again when the descriptor is readable …
    wants_write,  ///< … or writable.
    ended,        ///< The peer sends nothing more, and said so.
    failed,       ///< `error` is the errno.
    in_clear,     ///< Of `establish`: the peer speaks HTTP without TLS; nothing was taken from the descriptor.
  };
  state what = state::moved;
  std::size_t bytes = 0;
  int error = 0;
};

class wire {
 public:
  virtual wire_result read(int socket, std::span<const iovec> into) = 0;
  /// Once `flush` has nothing left. What was taken may be kept until the next `flush`.
  virtual wire_result write(int socket, std::span<const iovec> from) = 0;
  virtual wire_result flush(int socket) = 0;   ///< Writes what an earlier `write` has left.
  virtual wire_result finish(int socket) = 0;  ///< Tells the peer that nothing more will be written.
  /// Whether a read would give more without the descriptor becoming readable.
  virtual bool holds_input() const noexcept = 0;
  virtual bool holds_output() const noexcept = 0;  ///< Whether `flush` has something left.

  virtual bool is_secure() const noexcept = 0;
  virtual wire_result establish(int socket) = 0;  ///< Agrees with the peer on keys, before anything else.
  virtual std::string peer_name() const = 0;      ///< The subject of the peer's verified certificate; empty: none.
  virtual std::string trouble() const = 0;        ///< Why it failed, for the log; empty: nothing but the errno.

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
