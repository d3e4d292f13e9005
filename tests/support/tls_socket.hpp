// TLS_SOCKET is a blocking TLS client with the interface of a raw_socket, below which everything can be done by hand:
//
//   tls_socket s{"127.0.0.1:8443", {.version = TLS1_2_VERSION}};   the handshake is done, or `trouble()` says why not
//   s.send("GET / ...");  s.read_until("\r\n\r\n");  s.say_goodbye();
#pragma once

#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "tests/support/certificates.hpp"
#include "tests/support/raw_socket.hpp"

namespace greenroom::tests {

struct tls_choices {
  int version = 0;               ///< the only one; 0: any
  std::string_view protocols{};  ///< ALPN's list as it is sent
  const identity* mine = nullptr;
  SSL_SESSION* resume = nullptr;
  int receive_buffer = 0;
  bool shake_hands = true;
};

class tls_socket {
 public:
  using clock = raw_socket::clock;
  static inline const std::chrono::seconds patience = tests::patience();

  explicit tls_socket(std::string_view address, const tls_choices& how = {}) : raw_{address, how.receive_buffer} {
    ::signal(SIGPIPE, SIG_IGN);  // OpenSSL's own sockets raise it
    constexpr int on = 1;
    ::setsockopt(raw_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ctx_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_security_level(ctx_.get(), how.version != 0 && how.version < TLS1_2_VERSION ? 0 : 2);
    if (how.version != 0) {
      SSL_CTX_set_min_proto_version(ctx_.get(), how.version);
      SSL_CTX_set_max_proto_version(ctx_.get(), how.version);
    }
    if (!how.protocols.empty())
      SSL_CTX_set_alpn_protos(ctx_.get(), reinterpret_cast<const unsigned char*>(how.protocols.data()),
                              static_cast<unsigned>(how.protocols.size()));
    if (how.mine) use(*how.mine);
    SSL_CTX_set_session_cache_mode(ctx_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    ssl_.reset(SSL_new(ctx_.get()));
    SSL_set_fd(ssl_.get(), raw_.native_handle());
    SSL_set_connect_state(ssl_.get());
    if (how.resume) SSL_set_session(ssl_.get(), how.resume);
    wait_at_most(patience);
    if (how.shake_hands) shake_hands();
  }

  bool shake_hands() {
    ERR_clear_error();
    const auto done = SSL_connect(ssl_.get()) == 1;
    if (!done) note();
    return done;
  }
  bool established() const { return SSL_is_init_finished(ssl_.get()) != 0; }
  /// OpenSSL's reason of what failed last.
  const std::string& trouble() const { return trouble_; }
  SSL* ssl() const { return ssl_.get(); }
  raw_socket& raw() { return raw_; }
  std::string protocol() const {
    const unsigned char* chosen = nullptr;
    unsigned size = 0;
    SSL_get0_alpn_selected(ssl_.get(), &chosen, &size);
    return {reinterpret_cast<const char*>(chosen), size};
  }
  /// The subject that the server shows.
  std::string server_name() const {
    std::array<char, 128> name{};
    const auto* shown = SSL_get0_peer_certificate(ssl_.get());
    if (shown) X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name.data(), name.size());
    return name.data();
  }

  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      std::size_t put = 0;
      ERR_clear_error();
      if (SSL_write_ex(ssl_.get(), bytes.data(), std::min<std::size_t>(bytes.size(), 16'384), &put) != 1)
        return note(), false;
      bytes.remove_prefix(put);
    }
    return true;
  }
  std::string read_until(std::string_view mark) {
    while (buffer_.find(mark) == std::string::npos && fill(patience)) {
    }
    const auto found = buffer_.find(mark);
    return take(found == std::string::npos ? buffer_.size() : found + mark.size());
  }
  std::string read(std::size_t size) {
    while (buffer_.size() < size && fill(patience)) {
    }
    return take(std::min(size, buffer_.size()));
  }
  std::string read_to_end() {
    while (fill(patience)) {
    }
    return take(buffer_.size());
  }
  std::string read_for(std::chrono::milliseconds time) {
    const auto deadline = clock::now() + time;
    while (clock::now() < deadline && fill(std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()))) {
    }
    return take(buffer_.size());
  }
  bool at_end() {
    while (fill(patience)) {
    }
    return ended_ || cut_;
  }
  /// Whether the server said that it ends.
  bool heard_goodbye() const { return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0; }
  void say_goodbye() { SSL_shutdown(ssl_.get()); }
  void finish() { say_goodbye(); }
  void close() { raw_.close(); }

 private:
  struct free_ctx {
    void operator()(SSL_CTX* p) const { SSL_CTX_free(p); }
  };
  struct free_ssl {
    void operator()(SSL* p) const { SSL_free(p); }
  };

  void use(const identity& mine) {
    const std::unique_ptr<BIO, decltype(&BIO_free)> certificate{
        BIO_new_mem_buf(mine.certificate.data(), static_cast<int>(mine.certificate.size())), BIO_free},
        key{BIO_new_mem_buf(mine.key.data(), static_cast<int>(mine.key.size())), BIO_free};
    const std::unique_ptr<X509, decltype(&X509_free)> x{PEM_read_bio_X509(certificate.get(), nullptr, nullptr, nullptr),
                                                        X509_free};
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> k{
        PEM_read_bio_PrivateKey(key.get(), nullptr, nullptr, nullptr), EVP_PKEY_free};
    SSL_CTX_use_certificate(ctx_.get(), x.get());
    SSL_CTX_use_PrivateKey(ctx_.get(), k.get());
  }
  void wait_at_most(std::chrono::milliseconds time) {
    const timeval limit{time.count() / 1'000, time.count() % 1'000 * 1'000};
    ::setsockopt(raw_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  void note() {
    const auto* said = ERR_reason_error_string(ERR_peek_last_error());
    trouble_ = said ? said : "closed";
  }
  std::string take(std::size_t size) {
    auto taken = buffer_.substr(0, size);
    buffer_.substr(size).swap(buffer_);
    return taken;
  }
  bool fill(std::chrono::milliseconds time) {
    if (ended_ || cut_) return false;
    wait_at_most(time);
    std::array<char, 16'384> block;
    std::size_t got = 0;
    ERR_clear_error();
    const auto result = SSL_read_ex(ssl_.get(), block.data(), block.size(), &got);
    if (result == 1) {
      buffer_.append(block.data(), got);
      return true;
    }
    const auto why = SSL_get_error(ssl_.get(), result);
    if (why == SSL_ERROR_WANT_READ) return false;  // the time is over
    (why == SSL_ERROR_ZERO_RETURN ? ended_ : cut_) = true;
    note();
    return false;
  }

  raw_socket raw_;
  std::unique_ptr<SSL_CTX, free_ctx> ctx_;
  std::unique_ptr<SSL, free_ssl> ssl_;
  std::string buffer_, trouble_;
  bool ended_ = false, cut_ = false;
};

}  // namespace greenroom::tests
