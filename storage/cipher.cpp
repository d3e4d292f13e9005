#include "storage/cipher.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <stdexcept>
#include <vector>

namespace greenroom::storage {
namespace {

constexpr std::size_t block_bytes = 16;
constexpr std::size_t chunk_bytes = 64u << 10;  ///< of keys that are mapped and locked at once

std::atomic<bool> all_locked{true};

const unsigned char* raw(std::string_view text) noexcept { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* raw(std::string& text) noexcept { return reinterpret_cast<unsigned char*>(text.data()); }

void must(int done, const char* what) {
  if (done != 1) throw std::runtime_error{std::string{"libcrypto cannot "} + what};
}

/// Where keys live: pages that are locked and left out of core dumps. What goes back is wiped and used again; pages are
/// never given back, since the number of keys is bounded by whoever keeps them.
class key_memory {
 public:
  unsigned char* take() {
    std::lock_guard guard{mutex_};
    if (free_.empty()) grow();
    auto* at = free_.back();
    free_.pop_back();
    return at;
  }
  void give_back(unsigned char* at) noexcept {
    OPENSSL_cleanse(at, key_bytes);
    std::lock_guard guard{mutex_};
    free_.push_back(at);  // never grows: `grow` has reserved a place for every key
  }

 private:
  void grow() {
    free_.reserve(slots_ + chunk_bytes / key_bytes);
    auto* chunk = ::mmap(nullptr, chunk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (chunk == MAP_FAILED) throw std::runtime_error{"the system gives no memory for keys"};
    if (::mlock(chunk, chunk_bytes) != 0) all_locked = false;
    ::madvise(chunk, chunk_bytes, MADV_DONTDUMP);
    auto* first = static_cast<unsigned char*>(chunk);
    for (std::size_t i = chunk_bytes / key_bytes; i-- > 0;) free_.push_back(first + i * key_bytes);
    slots_ += chunk_bytes / key_bytes;
  }

  std::mutex mutex_;
  std::vector<unsigned char*> free_;
  std::size_t slots_ = 0;
};

key_memory& memory() {
  static auto* const one = new key_memory;  // keys of other statics may outlive any static
  return *one;
}

struct context_free {
  void operator()(EVP_CIPHER_CTX* of) const noexcept { EVP_CIPHER_CTX_free(of); }
};
using cipher_context = std::unique_ptr<EVP_CIPHER_CTX, context_free>;

cipher_context make_context() {
  cipher_context made{EVP_CIPHER_CTX_new()};
  if (!made) throw std::runtime_error{"libcrypto has no memory"};
  return made;
}

/// Fetched once: a fetch looks through all providers.
const EVP_CIPHER* gcm() {
  static const EVP_CIPHER* const one = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  return one;
}
const EVP_CIPHER* ecb() {
  static const EVP_CIPHER* const one = EVP_CIPHER_fetch(nullptr, "AES-256-ECB", nullptr);
  return one;
}

/// XAES-256-GCM's key for one nonce: AES-CMAC of two blocks that hold its first half.
secret_key derived(const secret_key& key, std::string_view nonce) {
  auto context = make_context();
  must(EVP_EncryptInit_ex2(context.get(), ecb(), key.data(), nullptr, nullptr), "take an AES key");
  must(EVP_CIPHER_CTX_set_padding(context.get(), 0), "leave out the padding");
  std::array<unsigned char, 2 * block_bytes> in{};
  std::array<unsigned char, 2 * block_bytes> out{};
  std::array<unsigned char, block_bytes> subkey{};
  int length = 0;
  must(EVP_EncryptUpdate(context.get(), subkey.data(), &length, in.data(), block_bytes), "encrypt a block");
  const bool carry = (subkey[0] & 0x80) != 0;
  for (std::size_t i = 0; i < block_bytes; ++i)
    subkey[i] = static_cast<unsigned char>(subkey[i] << 1 | (i + 1 < block_bytes ? subkey[i + 1] >> 7 : 0));
  if (carry) subkey.back() ^= 0x87;
  for (std::size_t block = 0; block < 2; ++block) {
    auto* at = in.data() + block * block_bytes;
    at[1] = static_cast<unsigned char>(block + 1);
    at[2] = 'X';
    std::memcpy(at + 4, nonce.data(), gcm_nonce_bytes);
    for (std::size_t i = 0; i < block_bytes; ++i) at[i] ^= subkey[i];
  }
  must(EVP_EncryptUpdate(context.get(), out.data(), &length, in.data(), in.size()), "encrypt two blocks");
  auto made = secret_key::of({reinterpret_cast<const char*>(out.data()), out.size()});
  OPENSSL_cleanse(out.data(), out.size());
  OPENSSL_cleanse(subkey.data(), subkey.size());
  return std::move(*made);
}

/// Appends the sealed text to `out`.
void gcm_seal_to(std::string& out, const secret_key& key, std::string_view nonce, std::string_view aad,
                 std::string_view plain) {
  auto context = make_context();
  must(EVP_EncryptInit_ex2(context.get(), gcm(), key.data(), raw(nonce), nullptr), "take an AES key");
  const auto from = out.size();
  out.resize(from + plain.size() + tag_bytes);
  auto* at = raw(out) + from;
  int length = 0;
  must(EVP_EncryptUpdate(context.get(), nullptr, &length, raw(aad), static_cast<int>(aad.size())), "take the AAD");
  if (!plain.empty())
    must(EVP_EncryptUpdate(context.get(), at, &length, raw(plain), static_cast<int>(plain.size())), "encrypt");
  must(EVP_EncryptFinal_ex(context.get(), at + plain.size(), &length), "end an encryption");
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, tag_bytes, at + plain.size()), "give a tag");
}

void random_bytes(unsigned char* to, std::size_t count) {
  if (RAND_bytes(to, static_cast<int>(count)) != 1) throw std::runtime_error{"the system gives no random bytes"};
}

}  // namespace

secret_key::secret_key() : at_{memory().take()} {}

secret_key secret_key::random() {
  secret_key made;
  random_bytes(made.at_, key_bytes);
  return made;
}

std::optional<secret_key> secret_key::of(std::string_view bytes) {
  if (bytes.size() != key_bytes) return std::nullopt;
  secret_key made;
  std::memcpy(made.at_, bytes.data(), key_bytes);
  return made;
}

secret_key& secret_key::operator=(secret_key&& from) noexcept {
  std::swap(at_, from.at_);
  return *this;
}

secret_key::~secret_key() {
  if (at_) memory().give_back(at_);
}

bool keys_are_locked() noexcept { return all_locked; }

void wipe(std::string& text) noexcept {
  text.resize(text.capacity());
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

std::string gcm_seal(const secret_key& key, std::string_view nonce, std::string_view aad, std::string_view plain) {
  if (nonce.size() != gcm_nonce_bytes) throw std::invalid_argument{"a nonce of AES-GCM has 12 bytes here"};
  std::string out;
  gcm_seal_to(out, key, nonce, aad, plain);
  return out;
}

std::optional<std::string> gcm_open(const secret_key& key, std::string_view nonce, std::string_view aad,
                                    std::string_view sealed) {
  if (nonce.size() != gcm_nonce_bytes || sealed.size() < tag_bytes) return std::nullopt;
  auto context = make_context();
  must(EVP_DecryptInit_ex2(context.get(), gcm(), key.data(), raw(nonce), nullptr), "take an AES key");
  std::string plain(sealed.size() - tag_bytes, '\0');
  std::array<unsigned char, tag_bytes> tag{};
  std::memcpy(tag.data(), sealed.data() + plain.size(), tag_bytes);
  std::array<unsigned char, block_bytes> rest{};
  int length = 0;
  must(EVP_DecryptUpdate(context.get(), nullptr, &length, raw(aad), static_cast<int>(aad.size())), "take the AAD");
  if (!plain.empty())
    must(EVP_DecryptUpdate(context.get(), raw(plain), &length, raw(sealed), static_cast<int>(plain.size())), "decrypt");
  must(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.data()), "take a tag");
  if (EVP_DecryptFinal_ex(context.get(), rest.data(), &length) == 1) return plain;
  wipe(plain);
  return std::nullopt;
}

std::string xaes_seal(const secret_key& key, std::string_view nonce, std::string_view aad, std::string_view plain) {
  if (nonce.size() != nonce_bytes) throw std::invalid_argument{"a nonce of XAES-256-GCM has 24 bytes"};
  return gcm_seal(derived(key, nonce), nonce.substr(gcm_nonce_bytes), aad, plain);
}

std::string seal(const secret_key& key, std::string_view aad, std::string_view plain) {
  std::string out;
  out.reserve(plain.size() + sealed_overhead_bytes);
  out.resize(nonce_bytes);
  random_bytes(raw(out), nonce_bytes);
  const auto nonce = out;
  gcm_seal_to(out, derived(key, nonce), std::string_view{nonce}.substr(gcm_nonce_bytes), aad, plain);
  return out;
}

std::optional<std::string> open(const secret_key& key, std::string_view aad, std::string_view sealed) {
  if (sealed.size() < sealed_overhead_bytes) return std::nullopt;
  const auto nonce = sealed.substr(0, nonce_bytes);
  return gcm_open(derived(key, nonce), nonce.substr(gcm_nonce_bytes), aad, sealed.substr(nonce_bytes));
}

std::array<std::byte, 16> fingerprint(const secret_key& key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> all{};
  unsigned length = 0;
  if (!HMAC(EVP_sha256(), key.data(), key_bytes, raw(text), text.size(), all.data(), &length))
    throw std::runtime_error{"libcrypto cannot hash"};
  std::array<std::byte, 16> half{};
  std::memcpy(half.data(), all.data(), half.size());
  return half;
}

}  // namespace greenroom::storage
