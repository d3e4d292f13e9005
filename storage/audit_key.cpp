#include "storage/audit_key.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <system_error>
#include <vector>

#include "storage/audit_line.hpp"

namespace greenroom::storage {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t public_bytes = 32, signature_bytes = 64;
constexpr mode_t owner_only = 0600, readable = 0644;

struct key_deleter {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
struct bio_deleter {
  void operator()(BIO* bio) const noexcept { BIO_free_all(bio); }
};
struct digest_deleter {
  void operator()(EVP_MD_CTX* digest) const noexcept { EVP_MD_CTX_free(digest); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, key_deleter>;
using bio_ptr = std::unique_ptr<BIO, bio_deleter>;
using digest_ptr = std::unique_ptr<EVP_MD_CTX, digest_deleter>;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

/// Wiped when it goes.
struct secret_text {
  std::string text;
  ~secret_text() { OPENSSL_cleanse(text.data(), text.size()); }
};

[[noreturn]] void fail(const fs::path& file, const std::string& why) {
  throw std::runtime_error{"the audit log's key " + file.string() + ": " + why};
}

/// A new file with that mode from its first moment; whole, or not there.
void write_file(const fs::path& file, std::string_view text, mode_t mode) {
  const auto fresh = file.string() + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) throw std::system_error{errno, std::generic_category(), fresh};
  const bool written = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(fd) == 0;
  const auto error = errno;
  ::close(fd);
  if (!written || ::rename(fresh.c_str(), file.c_str()) != 0) {
    const auto why = written ? errno : error;
    ::unlink(fresh.c_str());
    throw std::system_error{why, std::generic_category(), file.string()};
  }
}

std::string read_bio(BIO* from) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(from, &data);
  return {data, static_cast<std::size_t>(size)};
}

key_ptr make_key(const fs::path& file) {
  key_ptr key{EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")};
  const bio_ptr out{BIO_new(BIO_s_secmem())};
  if (!key || !out || PEM_write_bio_PrivateKey(out.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1)
    fail(file, "OpenSSL makes none");
  const secret_text pem{read_bio(out.get())};
  write_file(file, pem.text, owner_only);
  return key;
}

key_ptr read_key(const fs::path& file) {
  constexpr std::size_t bytes_max = 4'096;
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) throw std::system_error{errno, std::generic_category(), file.string()};
  secret_text pem{std::string(bytes_max, '\0')};
  const auto size = ::read(fd, pem.text.data(), pem.text.size());
  const auto error = errno;
  ::close(fd);
  if (size < 0) throw std::system_error{error, std::generic_category(), file.string()};
  const bio_ptr in{BIO_new_mem_buf(pem.text.data(), static_cast<int>(size))};
  key_ptr key{in ? PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr) : nullptr};
  if (!key || EVP_PKEY_get_base_id(key.get()) != EVP_PKEY_ED25519) fail(file, "this is no Ed25519 key in PEM");
  return key;
}

std::optional<std::string> raw_of(EVP_PKEY* key) {
  std::string raw(public_bytes, '\0');
  auto size = raw.size();
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_ED25519 ||
      EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size) != 1)
    return std::nullopt;
  return raw;
}

key_ptr public_of(std::string_view raw) {
  return key_ptr{EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes_of(raw), raw.size())};
}

}  // namespace

audit_public_key::audit_public_key(std::string raw) : raw_{std::move(raw)}, name_{hex(raw_)} {}

std::optional<audit_public_key> audit_public_key::read(std::string_view text) {
  if (auto raw = from_hex(text); raw && raw->size() == public_bytes) return audit_public_key{std::move(*raw)};
  const bio_ptr in{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
  const key_ptr key{in ? PEM_read_bio_PUBKEY(in.get(), nullptr, nullptr, nullptr) : nullptr};
  auto raw = key ? raw_of(key.get()) : std::nullopt;
  return raw ? std::optional{audit_public_key{std::move(*raw)}} : std::nullopt;
}

bool audit_public_key::verifies(std::string_view text, std::string_view signature_hex) const {
  const auto signature = from_hex(signature_hex);
  if (!signature || signature->size() != signature_bytes) return false;
  const auto key = public_of(raw_);
  const digest_ptr check{EVP_MD_CTX_new()};
  return key && check && EVP_DigestVerifyInit(check.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
         EVP_DigestVerify(check.get(), bytes_of(*signature), signature->size(), bytes_of(text), text.size()) == 1;
}

std::string audit_public_key::pem() const {
  const auto key = public_of(raw_);
  const bio_ptr out{BIO_new(BIO_s_mem())};
  if (!key || !out || PEM_write_bio_PUBKEY(out.get(), key.get()) != 1)
    throw std::runtime_error{"OpenSSL writes no public key"};
  return read_bio(out.get());
}

struct audit_key::secret {
  key_ptr key;
};

audit_key::audit_key(std::unique_ptr<secret> key, audit_public_key half)
    : secret_{std::move(key)}, public_{std::move(half)} {}
audit_key::~audit_key() = default;
audit_key::audit_key(audit_key&&) noexcept = default;
audit_key& audit_key::operator=(audit_key&&) noexcept = default;

audit_key audit_key::open(const fs::path& directory) {
  const auto file = file_in(directory);
  auto key = fs::exists(file) ? read_key(file) : make_key(file);
  const auto raw = raw_of(key.get());
  auto half = raw ? audit_public_key::read(hex(*raw)) : std::nullopt;
  if (!half) fail(file, "it has no public half");
  const auto beside = public_file_in(directory);
  std::ifstream in{beside, std::ios::binary};
  const std::string there{std::istreambuf_iterator<char>{in}, {}};
  if (there != half->pem()) write_file(beside, half->pem(), readable);
  return {std::make_unique<secret>(secret{std::move(key)}), std::move(*half)};
}

std::string audit_key::sign(std::string_view text) const {
  std::string signature(signature_bytes, '\0');
  auto size = signature.size();
  const digest_ptr sign{EVP_MD_CTX_new()};
  if (!sign || EVP_DigestSignInit(sign.get(), nullptr, nullptr, nullptr, secret_->key.get()) != 1 ||
      EVP_DigestSign(sign.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes_of(text),
                     text.size()) != 1)
    throw std::runtime_error{"OpenSSL signs nothing"};
  return hex(signature);
}

std::string audit_signed_text(std::uint64_t n, std::string_view prev, std::string_view at) {
  return std::string{"greenroom audit\n"}.append(std::to_string(n)).append("\n").append(prev).append("\n").append(at) +
         '\n';
}

}  // namespace greenroom::storage
