#include "actors/key_text.hpp"

#include <algorithm>
#include <array>

#include "runtime/secret.hpp"

namespace greenroom::key_text {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::string_view hidden = "…";

bool is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }
bool is_base64url(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/// The first `count` hexadecimal digits of its SHA-256.
std::string hex_of(std::string_view what, std::size_t count) {
  const auto hash = runtime::digest(what);
  std::string text;
  for (std::size_t i = 0; text.size() < count; ++i) {
    const auto byte = std::to_integer<unsigned>(hash[i]);
    text += digits[byte >> 4];
    text += digits[byte & 0xf];
  }
  return text;
}

int value_of(char c) {
  const auto at = digits.find(c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

std::string decoded(std::string_view url) {
  constexpr int base = 16;
  std::string plain;
  for (std::size_t i = 0; i < url.size(); ++i) {
    const int high = url[i] == '%' && i + 2 < url.size() ? value_of(url[i + 1]) : -1;
    const int low = high < 0 ? -1 : value_of(url[i + 2]);
    plain += low < 0 ? url[i] : static_cast<char>(high * base + low);
    if (low >= 0) i += 2;
  }
  return plain;
}

/// Where a key begins: the prefix, a whole id, and what parts it from the secret.
std::size_t find_key(std::string_view in, std::size_t from) {
  for (auto at = in.find(prefix, from); at != std::string_view::npos; at = in.find(prefix, at + 1)) {
    const auto rest = in.substr(at + prefix.size());
    if (rest.size() > id_bytes && std::all_of(rest.begin(), rest.begin() + id_bytes, is_hex) && rest[id_bytes] == '_')
      return at;
  }
  return std::string_view::npos;
}

}  // namespace

std::variant<parts, flaw> read(std::string_view text) {
  if (text.size() != bytes || !is_meant(text)) return flaw::shape;
  const auto id = text.substr(prefix.size(), id_bytes);
  const auto secret = text.substr(prefix.size() + id_bytes + 1, secret_bytes);
  const auto sum = text.substr(bytes - sum_bytes);
  const bool well_made = std::ranges::all_of(id, is_hex) && std::ranges::all_of(secret, is_base64url) &&
                         std::ranges::all_of(sum, is_hex) && text[prefix.size() + id_bytes] == '_' &&
                         text[bytes - sum_bytes - 1] == '_';
  if (!well_made) return flaw::shape;
  if (hex_of(text.substr(0, bytes - sum_bytes - 1), sum_bytes) != sum) return flaw::sum;
  return parts{id, secret};
}

minted mint() {
  constexpr std::size_t secret_random_bytes = 32, id_random_bytes = 16;
  const auto secret = runtime::random_text(secret_random_bytes);
  minted made;
  made.id = hex_of(runtime::random_text(id_random_bytes), id_bytes);
  made.hash = runtime::digest(secret);
  made.text.append(prefix).append(made.id).append("_").append(secret);
  made.text += '_' + hex_of(made.text, sum_bytes);
  return made;
}

std::string id_in(std::string_view url) {
  const auto plain = decoded(url);
  const auto at = find_key(plain, 0);
  return at == std::string::npos ? std::string{} : plain.substr(at + prefix.size(), id_bytes);
}

std::string without_secrets(std::string_view text) {
  std::string out;
  std::size_t done = 0;
  for (auto at = find_key(text, 0); at != std::string_view::npos; at = find_key(text, done)) {
    const auto secret = at + prefix.size() + id_bytes + 1;
    out.append(text.substr(done, secret - done)).append(hidden);
    done = secret;
    while (done < text.size() && is_base64url(text[done])) ++done;
  }
  return out.append(text.substr(done));
}

}  // namespace greenroom::key_text
