#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "runtime/tls_wire_impl.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::size_t record_bytes = 16U << 10;  // RFC 8446, 5.1
constexpr int silent_records_max = 32;  // in one read: key updates and their like, which bring no bytes and cost work

/// Where small frames are joined to a record, one block a thread.
char* record_block() {
  thread_local const auto block = std::make_unique<char[]>(record_bytes);
  return block.get();
}

/// Copies as much as one record takes.
std::size_t join(std::span<const iovec> from, char* into) {
  std::size_t size = 0;
  for (const auto& part : from) {
    const auto fits = std::min(part.iov_len, record_bytes - size);
    std::memcpy(into + size, part.iov_base, fits);
    size += fits;
    if (size == record_bytes) break;
  }
  return size;
}

thread_local tls_wire* speaking = nullptr;  // whose call into OpenSSL is under way

wire_result moved(std::size_t bytes) { return {wire_result::state::moved, bytes, 0}; }

}  // namespace

std::string name_text(const X509_NAME* name) {
  const std::unique_ptr<BIO, int (*)(BIO*)> text{BIO_new(BIO_s_mem()), BIO_free};
  if (!text || X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  char* bytes = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}

wire_ptr tls_wire::make(SSL_CTX* of, int socket) {
  std::unique_ptr<tls_wire, wire_release> made{new tls_wire{socket}};
  made->ssl_ = SSL_new(of);
  if (!made->ssl_ || !bio_of_this_thread()) return {};
  SSL_set_accept_state(made->ssl_);
  return made;
}

// --- the socket as OpenSSL sees it: its own would raise SIGPIPE, and not tell an end from a failure ---

BIO* tls_wire::bio_of_this_thread() {
  thread_local const std::unique_ptr<BIO, int (*)(BIO*)> mine{BIO_new(method()), BIO_free};
  if (mine) BIO_set_init(mine.get(), 1);
  return mine.get();
}

/// A connection that has moved takes the BIO of the thread where it is now.
void tls_wire::speak() {
  speaking = this;
  auto* const mine = bio_of_this_thread();
  if (SSL_get_rbio(ssl_) == mine || !mine) return;
  BIO_up_ref(mine);
  SSL_set_bio(ssl_, mine, mine);
}

const BIO_METHOD* tls_wire::method() {
  static const BIO_METHOD* shared = [] {
    auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "greenroom socket");
    BIO_meth_set_read(made, read_socket);
    BIO_meth_set_write(made, write_socket);
    BIO_meth_set_ctrl(made, control);
    return made;
  }();
  return shared;
}

int tls_wire::read_socket(BIO* bio, char* into, int size) {
  auto& self = *speaking;
  BIO_clear_retry_flags(bio);
  for (;;) {
    const auto got = ::recv(self.socket_, into, static_cast<std::size_t>(size), 0);
    if (got > 0) {
      self.dry_ = false;
      return static_cast<int>(got);
    }
    if (got == 0) {
      self.at_end_ = true;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      self.dry_ = true;
      BIO_set_retry_read(bio);
    } else {
      self.errno_ = errno;
    }
    return -1;
  }
}

int tls_wire::write_socket(BIO* bio, const char* from, int size) {
  auto& self = *speaking;
  BIO_clear_retry_flags(bio);
  for (;;) {
    const auto put = ::send(self.socket_, from, static_cast<std::size_t>(size), MSG_NOSIGNAL);
    if (put >= 0) return static_cast<int>(put);
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      BIO_set_retry_write(bio);
    else
      self.errno_ = errno;
    return -1;
  }
}

long tls_wire::control(BIO*, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH: return 1;  // nothing is kept here
    case BIO_CTRL_EOF: return speaking->at_end_ ? 1 : 0;
    default: return 0;
  }
}

/// What a call that did not succeed means. The queue of errors was empty before it.
wire_result tls_wire::outcome(int result) {
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return {wire_result::state::wants_read, 0, 0};
    case SSL_ERROR_WANT_WRITE: return {wire_result::state::wants_write, 0, 0};
    case SSL_ERROR_ZERO_RETURN: return {wire_result::state::ended, 0, 0};
    case SSL_ERROR_SYSCALL: return broken(errno_ != 0 ? errno_ : ECONNRESET);  // ended without close_notify
    default:
      reason_ = static_cast<std::uint32_t>(ERR_peek_last_error());  // it has 32 bits
      ERR_clear_error();
      return broken(at_end_ ? ECONNRESET : EPROTO);
  }
}

wire_result tls_wire::broken(int error) {
  failed_ = error;
  return {wire_result::state::failed, 0, error};
}

// --- the handshake ---

wire_result tls_wire::establish(int socket) {
  if (failed_ != 0) return broken(failed_);
  if (!begun_) {
    char first = 0;
    const auto seen = ::recv(socket, &first, 1, MSG_PEEK);
    if (seen == 0) return {wire_result::state::ended, 0, 0};
    if (seen < 0)
      return errno == EAGAIN || errno == EINTR ? wire_result{wire_result::state::wants_read} : broken(errno);
    if (first >= 'A' && first <= 'Z') return {wire_result::state::in_clear, 0, 0};  // a method; TLS begins with 22
    begun_ = true;
  }
  speak();
  ERR_clear_error();
  const auto result = SSL_do_handshake(ssl_);
  return result == 1 ? moved(0) : outcome(result);
}

std::string tls_wire::peer_name() const {
  const auto* peer = SSL_get0_peer_certificate(ssl_);
  return peer && SSL_get_verify_result(ssl_) == X509_V_OK ? name_text(X509_get_subject_name(peer)) : std::string{};
}

std::string tls_wire::trouble() const {
  if (reason_ == 0) return {};
  const auto* said = ERR_reason_error_string(reason_);
  std::string text = said ? said : "error " + std::to_string(ERR_GET_REASON(reason_));
  if (const auto verified = SSL_get_verify_result(ssl_); verified != X509_V_OK)
    text.append(": ").append(X509_verify_cert_error_string(verified));
  return text;
}

// --- reading ---

wire_result tls_wire::read(int, std::span<const iovec> into) {
  if (failed_ != 0) return broken(failed_);
  speak();
  std::size_t total = 0, filled = 0;
  int silent = 0;
  for (std::size_t i = 0; i != into.size();) {
    if (filled == into[i].iov_len) {
      ++i;
      filled = 0;
      continue;
    }
    if (total != 0 && SSL_has_pending(ssl_) == 0)
      break;  // another system call would most likely say that there is no more
    ERR_clear_error();
    dry_ = false;
    std::size_t got = 0;
    const auto result =
        SSL_read_ex(ssl_, static_cast<char*>(into[i].iov_base) + filled, into[i].iov_len - filled, &got);
    if (result == 1) {
      filled += got;
      total += got;
      continue;
    }
    const auto what = outcome(result);
    if (total != 0) break;  // an end or a failure is found again by the next read
    if (what.what != wire_result::state::wants_read || dry_ || ++silent == silent_records_max) return what;
  }
  return moved(total);
}

bool tls_wire::holds_input() const noexcept {
  if (failed_ != 0 || (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0) return true;
  return !dry_ && SSL_has_pending(ssl_) != 0;  // a part of a record is pending, too, but waits for the socket
}

// --- writing ---

wire_result tls_wire::put(const void* from, std::size_t size) {
  if (failed_ != 0) return broken(failed_);
  speak();
  ERR_clear_error();
  std::size_t written = 0;
  const auto result = SSL_write_ex(ssl_, from, size, &written);
  return result == 1 ? moved(written) : outcome(result);
}

wire_result tls_wire::write(int, std::span<const iovec> from) {
  const bool is_alone = from.size() == 1 || from.front().iov_len >= record_bytes;
  const char* bytes = is_alone ? static_cast<const char*>(from.front().iov_base) : record_block();
  const auto size = is_alone ? std::min(from.front().iov_len, record_bytes) : join(from, record_block());
  if (size == 0) return moved(0);
  const auto done = put(bytes, size);
  if (done.what == wire_result::state::failed || done.what == wire_result::state::moved) return done;
  kept_ = std::make_unique<const std::string>(bytes, size);
  return moved(size);
}

wire_result tls_wire::flush(int) {
  if (!kept_) return moved(0);
  const auto done = put(kept_->data(), kept_->size());
  if (done.what == wire_result::state::moved) kept_.reset();
  return done;
}

wire_result tls_wire::finish(int socket) {
  if (failed_ == 0 && SSL_is_init_finished(ssl_)) {
    speak();
    ERR_clear_error();
    const auto result = SSL_shutdown(ssl_);
    if (result < 0 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_WRITE)
      return {wire_result::state::wants_write, 0, 0};
    ERR_clear_error();
  }
  ::shutdown(socket, SHUT_WR);
  return moved(0);
}

}  // namespace greenroom::runtime
