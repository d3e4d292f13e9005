#include "storage/row_keys.hpp"

#include <utility>

#include "storage/limits.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_secrets.hpp"
#include "storage/vault.hpp"

namespace greenroom::storage {
namespace {

constexpr char version = '\x01';

std::string reserved(std::string_view name) {
  std::string all(1, reserved_names);
  return all += name;
}

void add(std::string& to, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) to += static_cast<char>(number >> shift & 0xff);
}

/// The kind, numbers, and the name last: no two places are one text.
template <class... Numbers>
std::string place(char kind, std::string_view name, Numbers... numbers) {
  std::string all;
  all.reserve(1 + 8 * sizeof...(numbers) + name.size());
  all += kind;
  (add(all, static_cast<std::uint64_t>(numbers)), ...);
  return all += name;
}

}  // namespace

const std::string row_keys::of_dead = reserved("dead letters");
const std::string row_keys::of_ids = reserved("message ids");

std::string row_keys::of_log(std::uint64_t log) { return reserved("log " + std::to_string(log)); }

key_ptr row_keys::cache::find(const std::string& name) {
  if (const auto found = young_.find(name); found != young_.end()) return found->second;
  const auto found = old_.find(name);
  if (found == old_.end()) return nullptr;
  auto key = found->second;
  put(name, key);
  return key;
}

void row_keys::cache::put(const std::string& name, key_ptr key) {
  if (young_.size() >= limits::data_keys_cached_max / 2) old_ = std::exchange(young_, {});
  young_.insert_or_assign(name, std::move(key));
}

void row_keys::cache::erase(const std::string& name) {
  young_.erase(name);
  old_.erase(name);
}

void row_keys::say_locked(const std::string& kek) {
  {
    std::lock_guard guard{mutex_};
    if (!said_.insert(kek).second) return;
  }
  damage_.say("Rows are encrypted under the key \"" + kek + "\", which secrets.keys does not name" +
              std::string{vault_ ? "" : " (it names none)"} +
              ": their rooms are unavailable until it does. Nothing is lost.");
}

row_keys::found row_keys::read(connection& db, const std::string& name) {
  if (!sqlite_secrets::has(db, name)) return {};
  const auto stored = sqlite_secrets::get(db, damage_, name);
  if (!stored) return {.what = state::locked};
  auto why = unsealed::unknown_kek;
  auto key = vault_ ? vault_->key_of(*stored, why) : nullptr;
  if (key) return {state::there, std::move(key)};
  if (why == unsealed::unknown_kek)
    say_locked(stored->kek);
  else
    damage_.found("a data key of the store, " + name.substr(1) + ", which the key \"" + stored->kek +
                  "\" does not unwrap: it is another key of that id, or the row was changed");
  return {.what = state::locked};
}

row_keys::found row_keys::find(connection& db, const std::string& name) {
  {
    std::lock_guard guard{mutex_};
    if (auto known = cache_.find(name)) return {state::there, std::move(known)};
  }
  auto one = read(db, name);
  if (one.key) {
    std::lock_guard guard{mutex_};
    cache_.put(name, one.key);
  }
  return one;
}

row_keys::found row_keys::find_or_make(connection& db, const std::string& name) {
  if (const auto fresh = made_.find(name); fresh != made_.end()) return {state::there, fresh->second};
  auto one = find(db, name);
  if (one.what != state::absent || !vault_) return one;
  auto made = vault_->make_key(name);
  sqlite_secrets::put(db, made.stored);
  made_.emplace(name, made.key);
  return {state::there, std::move(made.key)};
}

void row_keys::erase(connection& db, const std::string& name) {
  db.change(sql::secret_erase, name);
  made_.erase(name);
  std::lock_guard guard{mutex_};
  cache_.erase(name);
}

void row_keys::committed() {
  if (made_.empty()) return;
  std::lock_guard guard{mutex_};
  for (auto& [name, key] : made_) cache_.put(name, std::move(key));
  made_.clear();
}

void row_keys::rolled_back() noexcept { made_.clear(); }

void row_keys::forget() {
  made_.clear();
  std::lock_guard guard{mutex_};
  cache_ = {};
}

std::string bound_to_message(std::string_view log, std::uint64_t id, std::uint64_t seq, std::int64_t at_ms) {
  return place('m', log, id, seq, at_ms);
}
std::string bound_to_snapshot(std::string_view log, std::uint64_t id) { return place('s', log, id); }
std::string bound_to_letter(std::string_view room, std::uint64_t letter, std::int64_t at_ms) {
  return place('d', room, letter, at_ms);
}

std::string seal_row(const secret_key& key, std::string_view bound, std::string_view body) {
  return version + seal(key, bound, body);
}

std::optional<std::string> open_row(const secret_key& key, std::string_view bound, std::string_view sealed) {
  if (!sealed.starts_with(version)) return std::nullopt;
  return open(key, bound, sealed.substr(1));
}

}  // namespace greenroom::storage
