#include "actors/key_entry.hpp"

#include <cerrno>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "actors/engine.hpp"
#include "codecs/jwk.hpp"
#include "runtime/http_fetch.hpp"
#include "runtime/log.hpp"

namespace greenroom {
namespace {

constexpr std::string_view jwks_prefix = "jwks:", secret_prefix = "secret:";

[[noreturn]] void refuse(const std::string& entry, const std::string& why) {
  throw bad_config{"tokens.keys: " + entry + ": " + why};
}

struct single_key {
  std::string kid;
  codecs::jwt_algorithm alg{};
  std::string file;
};

/// There may be colons in the id and in the path: the first one behind an algorithm counts.
std::optional<single_key> parse_single(const std::string& entry) {
  for (auto colon = entry.find(':'); colon != std::string::npos; colon = entry.find(':', colon + 1)) {
    const auto before = entry.substr(0, colon);
    const auto equals = before.rfind('=');
    const bool named = equals != std::string::npos;
    const auto alg = codecs::jwt_algorithm_of(named ? before.substr(equals + 1) : before);
    if (!alg || (named && equals == 0) || colon + 1 == entry.size()) continue;
    return single_key{named ? before.substr(0, equals) : std::string{}, *alg, entry.substr(colon + 1)};
  }
  return std::nullopt;
}

std::string contents_of(const std::string& entry, const std::string& file) {
  errno = 0;
  std::ifstream in;
  in.rdbuf()->pubsetbuf(nullptr, 0);  // no buffer that keeps it
  in.open(file, std::ios::binary);
  if (!in) refuse(entry, "the file cannot be opened: " + std::generic_category().message(errno));
  std::string all(codecs::limits::jwk_set_bytes_max + 1, '\0');  // never grows: that would leave copies behind
  in.read(all.data(), static_cast<std::streamsize>(all.size()));
  if (in.bad()) refuse(entry, "the file cannot be read: " + std::generic_category().message(errno));
  if (in) refuse(entry, "the file is too large to be a key");
  all.resize(static_cast<std::size_t>(in.gcount()));
  return all;
}

/// What editors and `openssl rand -base64 32 > FILE` put at the end is not part of the secret.
std::string_view without_line_end(std::string_view secret) {
  if (secret.ends_with('\n')) secret.remove_suffix(1);
  if (secret.ends_with('\r')) secret.remove_suffix(1);
  return secret;
}

std::vector<codecs::jwt_key> read_set(const key_entry& from) {
  std::string why;
  auto set = codecs::read_jwk_set(contents_of(from.text, from.file), codecs::jwk_origin::file, why);
  if (!set) refuse(from.text, why);
  for (const auto& each : set->skipped)
    runtime::log::warn("a key of a set is left out", {{"set", from.text}, {"reason", each}});
  if (set->keys.empty()) refuse(from.text, "the set holds no key that could check a token");
  return std::move(set->keys);
}

/// What the entry's place holds: a file, or with `secret:NAME` a stored secret.
storage::secret_text key_text(const std::string& entry, const std::string& place, const secret_reader& secrets) {
  if (!place.starts_with(secret_prefix)) return storage::secret_text{contents_of(entry, place)};
  try {
    if (secrets) return secrets(place.substr(secret_prefix.size()));
  } catch (const secret_error& e) {
    refuse(entry, e.what());
  }
  refuse(entry, "there are no secrets here");
}

codecs::jwt_key read_single(const std::string& entry, const secret_reader& secrets) {
  auto wanted = parse_single(entry);
  const auto held = key_text(entry, wanted->file, secrets);
  const auto text = held.view();
  std::string why;
  auto key = codecs::is_hmac(wanted->alg)
                 ? codecs::jwt_key::from_secret(wanted->alg, without_line_end(text), codecs::jwt_secret_form::raw,
                                                std::move(wanted->kid), why)
                 : codecs::jwt_key::from_pem(wanted->alg, text, std::move(wanted->kid), why);
  if (!key) refuse(entry, why);
  return std::move(*key);
}

}  // namespace

key_entry parse_key_entry(const std::string& text) {
  if (!text.starts_with(jwks_prefix)) {
    const auto single = parse_single(text);
    if (!single)
      refuse(text,
             "must be ALGORITHM:FILE, KEY_ID=ALGORITHM:FILE, jwks:FILE or jwks:https://…, with secret:NAME in the "
             "place of "
             "FILE for a stored secret; the algorithm is HS256, HS384, HS512, RS256, PS256, ES256 or EdDSA");
    return {.text = text, .url = {}, .file = single->file};
  }
  auto where = text.substr(jwks_prefix.size());
  if (where.find("://") == std::string::npos) return {.text = text, .url = {}, .file = std::move(where)};
  if (const auto flaw = runtime::flaw_of_url(where); !flaw.empty()) refuse(text, flaw);
  return {.text = text, .url = std::move(where), .file = {}};
}

std::vector<codecs::jwt_key> read_key_file(const key_entry& from, const secret_reader& secrets) {
  if (from.text.starts_with(jwks_prefix)) return read_set(from);
  return {read_single(from.text, secrets)};
}

}  // namespace greenroom
