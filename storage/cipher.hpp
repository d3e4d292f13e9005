/// CIPHER is all that the store knows of cryptography: keys that stay out of swap and core dumps, AES-256-GCM (NIST SP
/// 800-38D), and a keyed hash. What is sealed here with a nonce of its own choice is XAES-256-GCM (C2SP): AES-256-GCM
/// under a key that is derived from the first half of a random nonce of 192 bits. One key may so seal 2^80 texts, where
/// plain GCM with random nonces ends at 2^32; nobody has to count.
///
/// Threading: any. Bounds: a key is 32 bytes of a locked page; a process that may lock no more memory gets keys that may
/// be swapped (`keys_are_locked`). Failure: std::runtime_error where the system gives no randomness or no memory; never
/// for what is opened.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace greenroom::storage {

inline constexpr std::size_t key_bytes = 32, gcm_nonce_bytes = 12, nonce_bytes = 24, tag_bytes = 16;
inline constexpr std::size_t sealed_overhead_bytes = nonce_bytes + tag_bytes;

/// A key of 256 bits. Its bytes are wiped when it goes.
class secret_key {
 public:
  static secret_key random();
  static std::optional<secret_key> of(std::string_view bytes);  ///< none where they are not 32
  secret_key(secret_key&& from) noexcept : at_{from.at_} { from.at_ = nullptr; }
  secret_key& operator=(secret_key&& from) noexcept;
  ~secret_key();

  const unsigned char* data() const noexcept { return at_; }
  std::string_view bytes() const noexcept { return {reinterpret_cast<const char*>(at_), key_bytes}; }

 private:
  secret_key();

  unsigned char* at_;
};

using key_ptr = std::shared_ptr<const secret_key>;

bool keys_are_locked() noexcept;  ///< whether every key so far is in memory that is never swapped

void wipe(std::string& text) noexcept;

/// A text that is wiped when it goes. It is not locked.
class secret_text {
 public:
  explicit secret_text(std::string text = {}) noexcept : text_{std::move(text)} {}
  secret_text(secret_text&& from) noexcept { text_.swap(from.text_); }
  secret_text& operator=(secret_text&& from) noexcept {
    text_.swap(from.text_);
    return *this;
  }
  ~secret_text() { wipe(text_); }

  std::string_view view() const noexcept { return text_; }

 private:
  std::string text_;
};

/// AES-256-GCM. The nonce has 12 bytes and is never used twice under a key. What is sealed ends with its tag.
std::string gcm_seal(const secret_key& key, std::string_view nonce, std::string_view aad, std::string_view plain);
std::optional<std::string> gcm_open(const secret_key& key, std::string_view nonce, std::string_view aad,
                                    std::string_view sealed);

/// XAES-256-GCM with the given nonce of 24 bytes.
std::string xaes_seal(const secret_key& key, std::string_view nonce, std::string_view aad, std::string_view plain);

/// … with a fresh random nonce, which stands first.
std::string seal(const secret_key& key, std::string_view aad, std::string_view plain);
/// None where it was sealed with another key or other `aad`, or is not as it was.
std::optional<std::string> open(const secret_key& key, std::string_view aad, std::string_view sealed);

/// The first half of HMAC-SHA-256.
std::array<std::byte, 16> fingerprint(const secret_key& key, std::string_view text);

}  // namespace greenroom::storage
