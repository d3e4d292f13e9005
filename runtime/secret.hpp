/// Random names and secrets, and the only form in which a secret is kept. Threading: any. Failure: std::runtime_error
/// where the system has no randomness.
#pragma once
#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace greenroom::runtime {

/// `bytes` random bytes as base64url without padding (RFC 4648, 5): 16 give 22 characters, 32 give 43.
std::string random_text(std::size_t bytes);

/// Overwrites it, all that it has room for; it is empty then.
void wipe(std::string& secret) noexcept;
/// A secret that is wiped when it goes.
struct wiped_text {
  std::string text{};
  wiped_text() = default;
  explicit wiped_text(std::string secret) noexcept : text{std::move(secret)} {}
  wiped_text(wiped_text&& other) noexcept { text.swap(other.text); }
  wiped_text& operator=(wiped_text&&) = delete;
  ~wiped_text() { wipe(text); }
};

/// SHA-256.
std::array<std::byte, 32> digest(std::string_view secret);

/// Compares in a time that says nothing of where they differ.
bool equal(const std::array<std::byte, 32>& a, const std::array<std::byte, 32>& b) noexcept;

}  // namespace greenroom::runtime
