#include "actors/tokens.hpp"

#include <cerrno>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "actors/engine.hpp"
#include "codecs/jwk.hpp"
#include "runtime/log.hpp"
#include "runtime/secret.hpp"
#include "runtime/shard.hpp"

namespace greenroom {
namespace {

constexpr std::string_view jwks_prefix = "jwks:";

[[noreturn]] void refuse(const std::string& entry, const std::string& why) {
  throw bad_config{"tokens.keys: " + entry + ": " + why};
}

struct key_entry {
  std::string kid;
  codecs::jwt_algorithm alg{};
  std::string file;
};

/// `ALGORITHM:FILE` or `KEY_ID=ALGORITHM:FILE`. There may be colons in the id and in the path: the first one behind an
/// algorithm counts.
std::optional<key_entry> parse(const std::string& entry) {
  for (auto colon = entry.find(':'); colon != std::string::npos; colon = entry.find(':', colon + 1)) {
    const auto before = entry.substr(0, colon);
    const auto equals = before.rfind('=');
    const bool named = equals != std::string::npos;
    const auto alg = codecs::jwt_algorithm_of(named ? before.substr(equals + 1) : before);
    if (!alg || (named && equals == 0) || colon + 1 == entry.size()) continue;
    return key_entry{named ? before.substr(0, equals) : std::string{}, *alg, entry.substr(colon + 1)};
  }
  return std::nullopt;
}

/// What a file of keys holds, wiped from memory when it goes.
runtime::wiped_text contents_of(const std::string& entry, const std::string& file) {
  errno = 0;
  std::ifstream in;
  in.rdbuf()->pubsetbuf(nullptr, 0);  // no buffer that keeps it
  in.open(file, std::ios::binary);
  if (!in) refuse(entry, "the file cannot be opened: " + std::generic_category().message(errno));
  runtime::wiped_text all;
  all.text.resize(codecs::limits::jwk_set_bytes_max + 1);  // never grows: that would leave copies behind
  in.read(all.text.data(), static_cast<std::streamsize>(all.text.size()));
  if (in.bad()) refuse(entry, "the file cannot be read: " + std::generic_category().message(errno));
  if (in) refuse(entry, "the file is too large to be a key");
  all.text.resize(static_cast<std::size_t>(in.gcount()));
  return all;
}

/// What editors and `openssl rand -base64 32 > FILE` put at the end is not part of the secret.
std::string_view without_line_end(std::string_view secret) {
  if (secret.ends_with('\n')) secret.remove_suffix(1);
  if (secret.ends_with('\r')) secret.remove_suffix(1);
  return secret;
}

void read_set(const std::string& entry, std::vector<codecs::jwt_key>& to) {
  std::string why;
  auto set =
      codecs::read_jwk_set(contents_of(entry, entry.substr(jwks_prefix.size())).text, codecs::jwk_origin::file, why);
  if (!set) refuse(entry, why);
  for (const auto& each : set->skipped)
    runtime::log::warn("a key of a set is left out", {{"set", entry}, {"reason", each}});
  if (set->keys.empty()) refuse(entry, "the set holds no key that could check a token");
  std::move(set->keys.begin(), set->keys.end(), std::back_inserter(to));
}

codecs::jwt_key read_key(const std::string& entry) {
  auto wanted = parse(entry);
  if (!wanted)
    refuse(entry,
           "must be ALGORITHM:FILE, KEY_ID=ALGORITHM:FILE or jwks:FILE; the algorithm is HS256, HS384, HS512, RS256, "
           "PS256, ES256 or EdDSA");
  const auto contents = contents_of(entry, wanted->file);
  const std::string_view text{contents.text};
  std::string why;
  auto key = codecs::is_hmac(wanted->alg)
                 ? codecs::jwt_key::from_secret(wanted->alg, without_line_end(text), codecs::jwt_secret_form::raw,
                                                std::move(wanted->kid), why)
                 : codecs::jwt_key::from_pem(wanted->alg, text, std::move(wanted->kid), why);
  if (!key) refuse(entry, why);
  return std::move(*key);
}

}  // namespace

tokens::tokens(codecs::jwt_trust_ptr trust, std::size_t shards) : trust_{std::move(trust)} {
  caches_.reserve(shards);
  while (caches_.size() < shards) caches_.push_back(std::make_unique<cache>());
}

codecs::jwt_verdict tokens::verify(std::string_view token, std::uint64_t now_s) const {
  const auto* here = runtime::shard::current();
  auto& mine = *caches_[here ? here->id() % caches_.size() : 0];
  std::lock_guard guard{mine.mutex};
  return mine.seen.verify(token, trust_, now_s);
}

std::shared_ptr<const tokens> make_tokens(const runtime::tokens_config& from, std::size_t shards) {
  if (from.keys.empty()) return nullptr;
  std::vector<codecs::jwt_key> keys;
  for (const auto& entry : from.keys)
    entry.starts_with(jwks_prefix) ? read_set(entry, keys) : keys.push_back(read_key(entry));
  std::string why;
  auto set = codecs::make_key_set(std::move(keys), why);
  if (!set) throw bad_config{"tokens.keys: " + why};
  auto trust = std::make_shared<const codecs::jwt_trust>(
      codecs::jwt_trust{.keys = std::move(set), .issuers = from.issuers, .audiences = from.audiences});
  return std::make_shared<const tokens>(std::move(trust), shards);
}

}  // namespace greenroom
