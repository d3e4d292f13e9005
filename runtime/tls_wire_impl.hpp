/// TLS_WIRE is one connection's side of TLS as a wire. Private to runtime's sources.
///
/// OpenSSL reads ahead and releases its buffers when they are empty; what is left in them is `holds_input`. What the socket
/// does not take is kept and written by `flush`, as OpenSSL wants a write that blocked repeated to the byte, and the outbox
/// may have dropped those bytes by then. All wires of a thread share its BIO (200 bytes): what OpenSSL keeps in it, whether
/// to try again, is looked at right behind the call.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/wire.hpp"

namespace greenroom::runtime {

/// As RFC 2253 writes a name: "CN=alice,O=Example".
std::string name_text(const X509_NAME* name);

class tls_wire final : public wire {
 public:
  /// Null: no memory.
  static wire_ptr make(SSL_CTX* of, int socket);
  tls_wire(const tls_wire&) = delete;
  tls_wire& operator=(const tls_wire&) = delete;

  wire_result read(int socket, std::span<const iovec> into) override;
  wire_result write(int socket, std::span<const iovec> from) override;
  wire_result flush(int socket) override;
  wire_result finish(int socket) override;
  bool holds_input() const noexcept override;
  bool holds_output() const noexcept override { return kept_ != nullptr; }
  bool is_secure() const noexcept override { return true; }
  wire_result establish(int socket) override;
  std::string peer_name() const override;
  std::string trouble() const override;
  void release() noexcept override { delete this; }

 private:
  explicit tls_wire(int socket) noexcept : socket_{socket} {}
  ~tls_wire() { SSL_free(ssl_); }

  /// Before each call that may read or write: it is this wire's socket that the thread's BIO stands for now.
  void speak();
  static BIO* bio_of_this_thread();
  static const BIO_METHOD* method();
  static int read_socket(BIO* bio, char* into, int size);
  static int write_socket(BIO* bio, const char* from, int size);
  static long control(BIO* bio, int command, long number, void* pointer);

  wire_result put(const void* from, std::size_t size);
  wire_result outcome(int result);
  wire_result broken(int error);

  // 48 bytes with the base: there are thousands.
  SSL* ssl_ = nullptr;
  std::unique_ptr<const std::string> kept_;  ///< Taken, not written; null: nothing.
  int socket_;
  int errno_ = 0;             ///< Of the socket's last failure.
  int failed_ = 0;            ///< Not 0: broken for good, with this errno.
  std::uint32_t reason_ = 0;  ///< OpenSSL's, where it said one.
  bool dry_ = false;          ///< The last read asked the socket, and at last it had nothing.
  bool at_end_ = false;       ///< The socket has ended.
  bool begun_ = false;        ///< The peer's first byte was looked at.
};

}  // namespace greenroom::runtime
