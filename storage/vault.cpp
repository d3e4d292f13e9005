#include "storage/vault.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace greenroom::storage {
namespace {

constexpr char version = '\x01';

/// Each part is preceded by its length, so that no two lists of parts are one text.
std::string bound_to(std::string_view what, std::string_view a, std::string_view b = {}) {
  std::string all;
  for (const auto part : {std::string_view{"greenroom"}, what, a, b}) {
    for (int shift = 24; shift >= 0; shift -= 8) all += static_cast<char>(part.size() >> shift & 0xff);
    all += part;
  }
  return all;
}

std::string versioned(std::string&& sealed) { return version + std::move(sealed); }

std::optional<std::string> open_versioned(const secret_key& key, std::string_view aad, std::string_view sealed) {
  if (!sealed.starts_with(version)) return std::nullopt;
  return open(key, aad, sealed.substr(1));
}

}  // namespace

vault::vault(std::vector<kek> keys) : keys_{std::move(keys)} {
  if (keys_.empty()) throw std::invalid_argument{"a vault without a key"};
  std::set<std::string_view> ids;
  for (const auto& each : keys_)
    if (!ids.insert(each.id).second) throw std::invalid_argument{"two keys of a vault have one id"};
}

const vault::kek* vault::find(std::string_view id) const noexcept {
  const auto found = std::ranges::find(keys_, id, &kek::id);
  return found == keys_.end() ? nullptr : &*found;
}

std::string vault::wrap(std::string_view name, const secret_key& what) const {
  const auto& by = keys_.front();
  return versioned(storage::seal(by.key, bound_to("key", by.id, name), what.bytes()));
}

vault::made_key vault::make_key(std::string_view name) const {
  auto key = std::make_shared<const secret_key>(secret_key::random());
  stored_secret stored{.name = std::string{name}, .kek = newest(), .wrapped = wrap(name, *key)};
  return {std::move(key), std::move(stored)};
}

key_ptr vault::key_of(const stored_secret& of, unsealed& why) const {
  const auto* by = find(of.kek);
  why = by ? unsealed::refused : unsealed::unknown_kek;
  if (!by) return nullptr;
  auto bytes = open_versioned(by->key, bound_to("key", of.kek, of.name), of.wrapped);
  if (!bytes) return nullptr;
  auto key = secret_key::of(*bytes);
  wipe(*bytes);
  if (!key) return nullptr;
  why = unsealed::well;
  return std::make_shared<const secret_key>(std::move(*key));
}

stored_secret vault::seal(std::string_view name, std::string_view value, std::int64_t now_ms) const {
  auto made = make_key(name);
  made.stored.sealed = versioned(storage::seal(*made.key, bound_to("value", name), value));
  made.stored.changed_ms = now_ms;
  return std::move(made.stored);
}

std::optional<secret_text> vault::open(const stored_secret& what, unsealed& why) const {
  const auto key = key_of(what, why);
  if (!key) return std::nullopt;
  auto value = open_versioned(*key, bound_to("value", what.name), what.sealed);
  if (value) return secret_text{std::move(*value)};
  why = unsealed::refused;
  return std::nullopt;
}

std::optional<stored_secret> vault::rewrap(const stored_secret& what, unsealed& why) const {
  const auto key = key_of(what, why);
  if (!key) return std::nullopt;
  auto again = what;
  again.kek = newest();
  again.wrapped = wrap(what.name, *key);
  return again;
}

}  // namespace greenroom::storage
