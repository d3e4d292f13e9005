#include "storage/sqlite_access.hpp"

#include <cstring>
#include <limits>

#include "storage/checksum.hpp"
#include "storage/packed.hpp"
#include "storage/sqlite_connection.hpp"
#include "storage/sqlite_damage.hpp"
#include "storage/sqlite_sums.hpp"

namespace greenroom::storage {
namespace {

constexpr auto for_ever = std::numeric_limits<std::int64_t>::max();

/// Four lists a grant, one after the other.
std::string packed(const std::vector<stored_grant>& grants) {
  std::vector<std::string> lists;
  for (const auto& each : grants)
    for (const auto* list : {&each.rooms, &each.actions, &each.methods, &each.users})
      lists.push_back(storage::packed(*list));
  return storage::packed(lists);
}

std::vector<stored_grant> grants_in(std::string_view bytes) {
  constexpr std::size_t lists_each = 4;
  const auto lists = unpacked(bytes);
  std::vector<stored_grant> grants;
  for (std::size_t i = 0; i + lists_each <= lists.size(); i += lists_each)
    grants.push_back({unpacked(lists[i]), unpacked(lists[i + 1]), unpacked(lists[i + 2]), unpacked(lists[i + 3])});
  return grants;
}

/// Without its last use, which changes alone.
std::int64_t sum_of(const stored_key& key, std::string_view scopes, std::string_view grants) {
  const std::string_view hash{reinterpret_cast<const char*>(key.hash.data()), key.hash.size()};
  return (row_sum{} << key.id << hash << key.user << scopes << grants << key.note << key.created_ms << key.expires_ms)
      .value();
}

std::int64_t sum_of(const stored_revocation& what) {
  return (row_sum{} << static_cast<std::uint8_t>(what.kind) << what.name << what.at_ms << what.until_ms << what.note)
      .value();
}

std::optional<stored_key> read_key(const query& from) {
  stored_key key{.id = from.text(0), .user = from.text(2)};
  const auto hash = from.bytes(1);
  if (hash.size() != key.hash.size()) return {};
  std::memcpy(key.hash.data(), hash.data(), hash.size());
  key.scopes = unpacked(from.bytes(3));
  key.grants = grants_in(from.bytes(4));
  key.note = from.text(5);
  key.created_ms = from.i64(6);
  key.expires_ms = from.i64(7);
  key.used_ms = from.i64(8);
  if (from.i64(9) != sum_of(key, from.bytes(3), from.bytes(4))) return {};
  return key;
}

}  // namespace

std::uint64_t& sqlite_access::count(std::optional<std::uint64_t>& of, const char* table) {
  if (!of) of = std::stoull(db_.answer(std::string{"SELECT count(*) FROM "} + table));
  return *of;
}

void sqlite_access::forget() noexcept {
  keys_.reset();
  revocations_.reset();
}

outcome sqlite_access::execute(const api_key_put& op) {
  const auto& key = op.key;
  auto& all = count(keys_, "api_keys");
  const bool is_new = !db_.ask(sql::api_key_get, key.id).next();
  if (is_new && all >= limits::api_keys_max) return {.error = errc::unavailable};
  const auto scopes = packed(key.scopes);
  const auto grants = packed(key.grants);
  db_.change(sql::api_key_put, key.id, key.hash, key.user, scopes, grants, key.note, key.created_ms, key.expires_ms,
             key.used_ms, sum_of(key, scopes, grants));
  all += is_new;
  return {.count = all};
}

outcome sqlite_access::execute(const api_key_used& op) {
  return {.error = db_.change(sql::api_key_used, op.id, op.at_ms) == 0 ? errc::not_found : errc::success};
}

outcome sqlite_access::execute(const api_key_erase& op) {
  auto& all = count(keys_, "api_keys");
  if (db_.change(sql::api_key_erase, op.id) == 0) return {.error = errc::not_found};
  take(all, 1);
  return {.count = all};
}

outcome sqlite_access::execute(const revocation_put& op) {
  const auto& what = op.what;
  const auto kind = static_cast<std::uint8_t>(what.kind);
  auto& all = count(revocations_, "revocations");
  const bool is_new = !db_.ask(sql::revocation_get, kind, what.name).next();
  if (is_new && all >= limits::revocations_max) return {.error = errc::unavailable};
  db_.change(sql::revocation_put, kind, what.name, what.at_ms, what.until_ms, what.note, sum_of(what));
  all += is_new;
  return {.count = all};
}

outcome sqlite_access::execute(const revocation_erase& op) {
  auto& all = count(revocations_, "revocations");
  if (db_.change(sql::revocation_erase, static_cast<std::uint8_t>(op.kind), op.name, op.until_max_ms) == 0)
    return {.error = errc::not_found};
  take(all, 1);
  return {.count = all};
}

std::vector<stored_key> sqlite_access::keys(connection& db, sqlite_damage& damage, std::string_view after,
                                            std::size_t count_max) {
  std::vector<stored_key> all;
  auto found = db.ask(sql::api_keys_after, after);
  while (all.size() < count_max && found.next()) {
    if (auto key = read_key(found))
      all.push_back(*std::move(key));
    else
      damage.found("the API key \"" + found.text(0) + "\"; it opens nothing any more");
  }
  return all;
}

std::vector<stored_revocation> sqlite_access::revocations(connection& db, sqlite_damage& damage, revoked kind,
                                                          std::string_view after, std::size_t count_max) {
  std::vector<stored_revocation> all;
  auto found = db.ask(sql::revocations_after, static_cast<std::uint8_t>(kind), after);
  while (all.size() < count_max && found.next()) {
    stored_revocation one{kind, found.text(0), found.i64(1), found.i64(2), found.text(3)};
    if (found.i64(4) != sum_of(one)) {
      damage.found("the revocation of \"" + one.name + "\"; it holds for ever, until it is undone");
      one.at_ms = one.until_ms = for_ever;
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace greenroom::storage
