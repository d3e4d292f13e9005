#pragma once
#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string_view>

/// The socket below a client of the load generator: connected without blocking, with TLS on it where the run has it. The
/// server's certificate is not looked at: it was made for the run.
namespace greenroom::bench {

class wire {
 public:
  wire() = default;
  /// Begins to connect from 127.0.0.`source`. `with_tls`: null for none. Throws std::system_error.
  wire(unsigned source, std::uint16_t port, SSL_CTX* with_tls);
  ~wire() { close(); }
  wire(wire&& other) noexcept;
  wire& operator=(wire&& other) noexcept;

  int fd() const noexcept { return fd_; }
  bool has_tls() const noexcept { return tls_ != nullptr; }
  int connect_error() const;  ///< of the attempt to connect, 0 for none
  bool secured();             ///< goes on with the handshake: whether it is through. Throws std::runtime_error.
  /// As ::send and ::recv: -1 with errno, EAGAIN where the socket must be waited for.
  ssize_t send(std::string_view bytes);
  ssize_t receive(char* into, std::size_t size);
  void close() noexcept;

 private:
  ssize_t result_of(int done) const;
  struct free_tls {
    void operator()(SSL* it) const noexcept { SSL_free(it); }
  };
  int fd_ = -1;
  std::unique_ptr<SSL, free_tls> tls_;
};

struct free_context {
  void operator()(SSL_CTX* it) const noexcept { SSL_CTX_free(it); }
};
using tls_context = std::unique_ptr<SSL_CTX, free_context>;
tls_context client_context();

}  // namespace greenroom::bench
