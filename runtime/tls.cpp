#include "runtime/tls.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <utility>

#include "runtime/tls_wire_impl.hpp"
#include "runtime/unique_fd.hpp"

namespace greenroom::runtime {
namespace {

constexpr const char* ciphers_of_tls12 =  // forward secret and authenticated
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-"
    "SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* ciphers_of_tls13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* groups = "X25519:P-256:P-384";
constexpr int security_level = 2;  // 112 bits: RSA of 2048 bits, no SHA-1 signatures
constexpr long ticket_seconds = 2L * 3600;
constexpr std::array<unsigned char, 9> http11{8, 'h', 't', 't', 'p', '/', '1', '.', '1'};  // as ALPN writes a list
constexpr std::string_view session_context = "greenroom";

template <class T, void (*Free)(T*)>
struct freed {
  void operator()(T* p) const noexcept { Free(p); }
};
using ctx_ptr = std::unique_ptr<SSL_CTX, freed<SSL_CTX, SSL_CTX_free>>;

std::string openssl_reason() {
  const auto code = ERR_peek_error();  // the first is the cause; "PEM lib" and its like follow
  const auto* said = ERR_reason_error_string(code);
  std::string text = said ? said : "error " + std::to_string(ERR_GET_REASON(code));
  ERR_clear_error();
  return text;
}

[[noreturn]] void refuse(std::string_view key, const std::string& file, const std::string& why) {
  throw tls_error{"tls." + std::string{key} + ": " + file + ": " + why};
}

/// What the file system has against a file, said by itself rather than as OpenSSL's "system lib".
void must_open(std::string_view key, const std::string& file) {
  if (file.empty()) throw tls_error{"tls." + std::string{key} + " must name a file"};
  const unique_fd opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!opened) refuse(key, file, std::strerror(errno));
  struct stat about {};
  if (::fstat(opened.get(), &about) == 0 && !S_ISREG(about.st_mode)) refuse(key, file, "this is no file");
}

/// Only HTTP/1.1 is spoken; a client that wants another protocol is told so rather than misunderstood (RFC 7301, 3.2).
int choose_protocol(SSL*, const unsigned char** chosen, unsigned char* size, const unsigned char* offered,
                    unsigned int bytes, void*) {
  unsigned char* found = nullptr;
  if (SSL_select_next_proto(&found, size, http11.data(), http11.size(), offered, bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = found;
  return SSL_TLSEXT_ERR_OK;
}

int no_passphrase(char*, int, int, void*) { return -1; }  // OpenSSL's own would ask the terminal

void set_policy(SSL_CTX* to) {
  SSL_CTX_set_security_level(to, security_level);
  SSL_CTX_set_min_proto_version(to, TLS1_2_VERSION);
  SSL_CTX_set_options(
      to, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  SSL_CTX_set_mode(to, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_clear_mode(to, SSL_MODE_AUTO_RETRY);  // else a peer's key updates could hold the shard inside one read
  SSL_CTX_set_read_ahead(to, 1);
  SSL_CTX_set_session_cache_mode(to, SSL_SESS_CACHE_OFF);  // tickets: the client keeps the session
  SSL_CTX_set_num_tickets(to, 1);
  SSL_CTX_set_timeout(to, ticket_seconds);
  SSL_CTX_set_session_id_context(to, reinterpret_cast<const unsigned char*>(session_context.data()),
                                 static_cast<unsigned>(session_context.size()));
  SSL_CTX_set_alpn_select_cb(to, choose_protocol, nullptr);
  SSL_CTX_set_default_passwd_cb(to, no_passphrase);
  if (SSL_CTX_set_cipher_list(to, ciphers_of_tls12) != 1 || SSL_CTX_set_ciphersuites(to, ciphers_of_tls13) != 1 ||
      SSL_CTX_set1_groups_list(to, groups) != 1)
    throw tls_error{"this OpenSSL lacks the ciphers: " + openssl_reason()};
}

void read_certificate(SSL_CTX* to, const tls_config& from) {
  must_open("certificate", from.certificate);
  must_open("key", from.key);
  if (SSL_CTX_use_certificate_chain_file(to, from.certificate.c_str()) != 1)
    refuse("certificate", from.certificate, "this is no certificate chain in PEM (" + openssl_reason() + ")");
  if (SSL_CTX_use_PrivateKey_file(to, from.key.c_str(), SSL_FILETYPE_PEM) != 1) {
    const auto reason = ERR_peek_last_error();
    if (ERR_GET_LIB(reason) == ERR_LIB_X509)  // OpenSSL compares them at once
      refuse("key", from.key, "this is not the key of " + from.certificate);
    refuse("key", from.key, "this is no private key in PEM without a passphrase (" + openssl_reason() + ")");
  }
  if (SSL_CTX_check_private_key(to) != 1) refuse("key", from.key, "this is not the key of " + from.certificate);
}

void read_client_ca(SSL_CTX* to, const tls_config& from) {
  if (from.clients == client_certificates::off) return;
  must_open("client_ca", from.client_ca);
  auto* names = SSL_load_client_CA_file(from.client_ca.c_str());  // what clients are told to choose by
  if (!names || SSL_CTX_load_verify_file(to, from.client_ca.c_str()) != 1)
    refuse("client_ca", from.client_ca, "these are no certificates in PEM (" + openssl_reason() + ")");
  SSL_CTX_set_client_CA_list(to, names);
  const bool must = from.clients == client_certificates::required;
  SSL_CTX_set_verify(to, SSL_VERIFY_PEER | (must ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
}

std::chrono::sys_seconds time_of(const ASN1_TIME* from) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(from, &parts) != 1) return {};
  return std::chrono::sys_seconds{std::chrono::seconds{timegm(&parts)}};
}

std::string day_of(std::chrono::sys_seconds when) {
  const auto seconds = std::chrono::system_clock::to_time_t(when);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &parts)};
}

tls_certificate describe(const X509* from) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  tls_certificate made{.subject = name_text(X509_get_subject_name(from)),
                       .fingerprint = {},
                       .not_before = time_of(X509_get0_notBefore(from)),
                       .not_after = time_of(X509_get0_notAfter(from))};
  if (X509_digest(from, EVP_sha256(), hash.data(), &size) == 1)
    for (const auto byte : std::span{hash}.first(size)) (made.fingerprint += digits[byte >> 4]) += digits[byte & 0xf];
  return made;
}

}  // namespace

struct tls_context::loaded {
  ctx_ptr ctx;
  tls_certificate certificate;
};

/// What tells one content of a file from another, without reading it.
struct tls_context::stamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = 0;
  std::int64_t changed_ns = 0;
  friend bool operator==(const stamp&, const stamp&) = default;
};

tls_context::tls_context(tls_config from) : from_{std::move(from)}, read_{look()} { current_ = load(from_); }

tls_context::~tls_context() = default;

std::shared_ptr<const tls_context::loaded> tls_context::load(const tls_config& from) {
  ERR_clear_error();
  ctx_ptr ctx{SSL_CTX_new(TLS_server_method())};
  if (!ctx) throw tls_error{"OpenSSL has no TLS: " + openssl_reason()};
  set_policy(ctx.get());
  read_certificate(ctx.get(), from);
  read_client_ca(ctx.get(), from);
  auto about = describe(SSL_CTX_get0_certificate(ctx.get()));
  return std::make_shared<const loaded>(loaded{std::move(ctx), std::move(about)});
}

tls_context::stamps tls_context::look() const {
  constexpr std::int64_t second_ns = 1'000'000'000;
  stamps all;
  for (const auto* file : {&from_.certificate, &from_.key, &from_.client_ca}) {
    struct stat about {};
    if (file->empty() || ::stat(file->c_str(), &about) != 0) {
      all.emplace_back();
      continue;
    }
    all.push_back(
        {about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec * second_ns + about.st_mtim.tv_nsec});
  }
  return all;
}

wire_ptr tls_context::accept(int socket) {
  std::shared_ptr<const loaded> now;
  {
    std::lock_guard guard{mutex_};
    now = current_;
  }
  return tls_wire::make(now->ctx.get(), socket);
}

std::optional<std::string> tls_context::reload() {
  auto stamps = look();  // before they are read: a change in between is seen next time
  try {
    auto fresh = load(from_);
    const auto now = std::chrono::system_clock::now();
    if (fresh->certificate.not_after < now)
      refuse("certificate", from_.certificate, "it has expired on " + day_of(fresh->certificate.not_after));
    if (fresh->certificate.not_before > now)
      refuse("certificate", from_.certificate, "it is not valid before " + day_of(fresh->certificate.not_before));
    std::lock_guard guard{mutex_};
    current_ = std::move(fresh);
    read_ = std::move(stamps);
    return std::nullopt;
  } catch (const tls_error& e) {
    std::lock_guard guard{mutex_};
    read_ = std::move(stamps);
    return e.what();
  }
}

bool tls_context::is_stale() const {
  const auto now = look();
  std::lock_guard guard{mutex_};
  return now != read_;
}

tls_certificate tls_context::certificate() const {
  std::lock_guard guard{mutex_};
  return current_->certificate;
}

}  // namespace greenroom::runtime
