/// TLS makes wires of one certificate: OpenSSL on a connection's descriptor, in TLS 1.2 and 1.3 (decision 0039). One flush is
/// one record where it fits, an idle connection keeps no buffers.
///
///   tls_context ──accept(socket)──▶ wire       reload(): new wires have the new certificate, old ones go on with theirs
///
/// Lifecycle: made at the start, shared by all shards; a wire keeps what it was made of. Session tickets are good within one
/// load of the files: whoever was let in by an old client CA shows its certificate again.
/// Threading: any thread; a wire belongs to its connection's shard.
/// Bounds: a wire keeps one record (16 KiB) of output where its peer does not read, and one read of input.
/// Failure: the constructor throws `tls_error`, `reload` answers with the same sentence: which file, and what is wrong.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "runtime/config.hpp"
#include "runtime/wire.hpp"

namespace greenroom::runtime {

struct tls_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// The certificate that new connections see.
struct tls_certificate {
  std::string subject;
  std::string fingerprint;  ///< SHA-256 in hexadecimal digits
  std::chrono::sys_seconds not_before, not_after;
};

class tls_context {
 public:
  explicit tls_context(tls_config from);
  ~tls_context();
  tls_context(const tls_context&) = delete;
  tls_context& operator=(const tls_context&) = delete;

  /// The server's side of a connection; null: no memory.
  wire_ptr accept(int socket);

  /// Reads the files again. None: new connections get what is in them; else why they go on with what they had. A certificate
  /// that is not valid now is no new one.
  std::optional<std::string> reload();
  /// Whether the files differ from what was read last, good or bad.
  bool is_stale() const;
  tls_certificate certificate() const;
  const tls_config& config() const noexcept { return from_; }

 private:
  struct loaded;
  struct stamp;
  using stamps = std::vector<stamp>;

  static std::shared_ptr<const loaded> load(const tls_config& from);
  stamps look() const;

  tls_config from_;
  mutable std::mutex mutex_;  ///< Guards what follows.
  std::shared_ptr<const loaded> current_;
  stamps read_;
};

}  // namespace greenroom::runtime
