#include "runtime/secret.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <stdexcept>
#include <vector>

namespace greenroom::runtime {

std::string random_text(std::size_t bytes) {
  static constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::vector<unsigned char> raw(bytes);
  if (RAND_bytes(raw.data(), static_cast<int>(raw.size())) != 1)
    throw std::runtime_error{"the system gives no random bytes"};
  std::string text;
  text.reserve((bytes * 4 + 2) / 3);
  unsigned bits = 0, held = 0;
  for (auto byte : raw) {
    held = (held << 8 | byte) & 0xffff;
    for (bits += 8; bits >= 6; bits -= 6) text += alphabet[held >> (bits - 6) & 63];
  }
  if (bits != 0) text += alphabet[held << (6 - bits) & 63];
  return text;
}

void wipe(std::string& secret) noexcept {
  secret.resize(secret.capacity());  // what it was longer once is there, too
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

std::array<std::byte, 32> digest(std::string_view secret) {
  std::array<std::byte, 32> out{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

bool equal(const std::array<std::byte, 32>& a, const std::array<std::byte, 32>& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace greenroom::runtime
