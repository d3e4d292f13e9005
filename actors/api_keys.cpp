#include "actors/api_keys.hpp"

#include <algorithm>

#include "actors/key_text.hpp"
#include "actors/permissions.hpp"
#include "runtime/secret.hpp"

namespace greenroom {
namespace {

api_keys::key_ptr make(storage::stored_key stored, const std::shared_ptr<const permissions>& config) {
  auto made = std::make_shared<api_keys::key>();
  made->shown = credential_of(stored, config);
  made->used_ms = made->written_ms = stored.used_ms;
  made->stored = std::move(stored);
  return made;
}

}  // namespace

std::string_view word_of(key_refusal why) noexcept {
  switch (why) {
    case key_refusal::ill_formed: return "ill_formed";
    case key_refusal::wrong_sum: return "wrong_sum";
    case key_refusal::unknown: return "unknown";
    case key_refusal::wrong_secret: return "wrong_secret";
    case key_refusal::expired: return "expired";
    case key_refusal::in_url: return "in_url";
  }
  return "";
}

std::string_view sentence_of(key_refusal why) noexcept {
  switch (why) {
    case key_refusal::ill_formed: return "It begins as an API key, and does not read like one.";
    case key_refusal::wrong_sum: return "The API key's last characters do not fit the others: it was typed wrong.";
    case key_refusal::unknown: return "There is no such API key: it was revoked, or is another node's.";
    case key_refusal::wrong_secret: return "The API key has the id of one that there is, and another secret.";
    case key_refusal::expired: return "The API key has expired.";
    case key_refusal::in_url: return "An API key stands in a URL, where proxies and logs have read it: revoke it.";
  }
  return "";
}

api_keys::api_keys(std::vector<storage::stored_key> all, std::shared_ptr<const permissions> config)
    : permissions_{std::move(config)} {
  auto made = std::make_shared<table>();
  for (auto& each : all) {
    auto id = each.id;
    made->insert_or_assign(std::move(id), make(std::move(each), permissions_));
  }
  table_ = std::move(made);
}

std::shared_ptr<const api_keys::table> api_keys::all() const {
  std::lock_guard guard{mutex_};
  return table_;
}

std::variant<api_keys::key_ptr, key_refusal> api_keys::look(std::string_view text, std::int64_t now_ms) const {
  const auto read = key_text::read(text);
  if (const auto* why = std::get_if<key_text::flaw>(&read))
    return *why == key_text::flaw::sum ? key_refusal::wrong_sum : key_refusal::ill_formed;
  const auto& parts = std::get<key_text::parts>(read);
  const auto keys = all();
  const auto found = keys->find(parts.id);
  const bool known = found != keys->end();
  constexpr storage::secret_hash nobody{};  // an id that there is not takes as long as one that there is
  const bool same = runtime::equal(runtime::digest(parts.secret), known ? found->second->stored.hash : nobody);
  if (!known) return key_refusal::unknown;
  if (!same) return key_refusal::wrong_secret;
  const auto& key = found->second;
  if (key->stored.expires_ms != 0 && key->stored.expires_ms <= now_ms) return key_refusal::expired;
  return key;
}

std::variant<api_keys::key_ptr, key_refusal> api_keys::verify(std::string_view text, std::int64_t now_ms) {
  auto verdict = look(text, now_ms);
  if (const auto* why = std::get_if<key_refusal>(&verdict)) {
    count(*why);
  } else {
    accepted_.fetch_add(1, std::memory_order_relaxed);
    std::get<key_ptr>(verdict)->used_ms.store(now_ms, std::memory_order_relaxed);
  }
  return verdict;
}

bool api_keys::has(std::string_view id) const { return all()->contains(id); }

bool api_keys::has_of(std::string_view user, std::int64_t created_upto_ms) const {
  const auto keys = all();
  return std::ranges::any_of(*keys, [&](const auto& each) {
    return each.second->stored.user == user && each.second->stored.created_ms <= created_upto_ms;
  });
}

std::size_t api_keys::size() const { return all()->size(); }

std::vector<storage::stored_key> api_keys::list(std::string_view after, std::size_t count_max) const {
  const auto keys = all();
  std::vector<storage::stored_key> found;
  for (auto one = keys->upper_bound(after); one != keys->end() && found.size() < count_max; ++one) {
    found.push_back(one->second->stored);
    found.back().used_ms = one->second->used_ms.load(std::memory_order_relaxed);
  }
  return found;
}

void api_keys::put(storage::stored_key what) {
  std::lock_guard writing{writing_};
  auto changed = std::make_shared<table>(*all());
  auto id = what.id;
  changed->insert_or_assign(std::move(id), make(std::move(what), permissions_));
  std::lock_guard guard{mutex_};
  table_ = std::move(changed);
}

std::optional<storage::stored_key> api_keys::erase(std::string_view id) {
  std::lock_guard writing{writing_};
  auto changed = std::make_shared<table>(*all());
  const auto found = changed->find(id);
  if (found == changed->end()) return std::nullopt;
  auto stored = found->second->stored;
  changed->erase(found);
  {
    std::lock_guard guard{mutex_};
    table_ = std::move(changed);
  }
  changes_.fetch_add(1, std::memory_order_release);
  return stored;
}

std::vector<api_keys::use> api_keys::take_uses() const {
  std::vector<use> uses;
  const auto keys = all();
  for (const auto& [id, each] : *keys) {
    const auto used = each->used_ms.load(std::memory_order_relaxed);
    if (each->written_ms.exchange(used, std::memory_order_relaxed) != used) uses.push_back({id, used});
  }
  return uses;
}

}  // namespace greenroom
