#include "tests/bench/wire.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace greenroom::bench {
namespace {

void check(int result, const char* what) {
  if (result < 0) throw std::system_error{errno, std::generic_category(), what};
}

sockaddr_in loopback(unsigned host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + host);
  return address;
}

template <class Call>
int with_address(const sockaddr_in& address, Call call) {
  return call(reinterpret_cast<const sockaddr*>(&address), static_cast<socklen_t>(sizeof address));
}

}  // namespace

wire::wire(unsigned source, std::uint16_t port, SSL_CTX* with_tls)
    : fd_{socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)} {
  check(fd_, "socket");
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  check(with_address(loopback(source, 0), [&](auto* a, auto n) { return ::bind(fd_, a, n); }), "bind");
  if (with_address(loopback(1, port), [&](auto* a, auto n) { return ::connect(fd_, a, n); }) < 0 &&
      errno != EINPROGRESS)
    check(-1, "connect");
  if (with_tls == nullptr) return;
  tls_.reset(SSL_new(with_tls));
  if (!tls_) throw std::bad_alloc{};
  SSL_set_fd(tls_.get(), fd_);
  SSL_set_connect_state(tls_.get());
}

wire::wire(wire&& other) noexcept : fd_{std::exchange(other.fd_, -1)}, tls_{std::move(other.tls_)} {}
wire& wire::operator=(wire&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  tls_ = std::move(other.tls_);
  return *this;
}

void wire::close() noexcept {
  tls_.reset();
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

int wire::connect_error() const {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

bool wire::secured() {
  const int done = SSL_do_handshake(tls_.get());
  if (done == 1) return true;
  if (result_of(done) < 0 && errno == EAGAIN) return false;
  throw std::runtime_error{"the TLS handshake failed"};
}

ssize_t wire::send(std::string_view bytes) {
  if (!tls_) return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  return bytes.empty() ? 0 : result_of(SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size())));
}

ssize_t wire::receive(char* into, std::size_t size) {
  if (!tls_) return ::recv(fd_, into, size, 0);
  return result_of(SSL_read(tls_.get(), into, static_cast<int>(size)));
}

ssize_t wire::result_of(int done) const {
  if (done > 0) return done;
  switch (SSL_get_error(tls_.get(), done)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: errno = ECONNRESET; return -1;
  }
}

tls_context client_context() {
  tls_context made{SSL_CTX_new(TLS_client_method())};
  if (!made) throw std::bad_alloc{};
  SSL_CTX_set_verify(made.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_mode(made.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(made.get(), SSL_SESS_CACHE_OFF);
  return made;
}

}  // namespace greenroom::bench
