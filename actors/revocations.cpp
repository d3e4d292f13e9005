#include "actors/revocations.hpp"

#include <mutex>

#include "actors/access.hpp"
#include "actors/api_keys.hpp"
#include "actors/context.hpp"
#include "actors/credential.hpp"

namespace greenroom {

using storage::revoked;

std::string_view word_of(revoked kind) noexcept {
  switch (kind) {
    case revoked::user: return "user";
    case revoked::session: return "session";
    case revoked::token: return "token";
  }
  return "";
}

revocations::revocations(std::vector<storage::stored_revocation> all) {
  for (auto& each : all) put(std::move(each));
}

const storage::stored_revocation* revocations::look(revoked kind, std::string_view name) const {
  const auto found = of(kind).find(name);
  return found == of(kind).end() ? nullptr : &found->second;
}

std::optional<revoked> revocations::refuses(std::string_view user, const credential* shown, std::int64_t now_ms) const {
  if (size() == 0) return std::nullopt;
  std::shared_lock guard{mutex_};
  const bool is_key = shown && !shown->key_id.empty();
  if (const auto* of_user = look(revoked::user, user); of_user && (is_key || now_ms < of_user->until_ms))
    if (!shown || shown->issued_at_ms <= of_user->at_ms) return revoked::user;
  if (shown && !shown->token_id.empty())
    if (const auto* of_token = look(revoked::token, shown->token_id); of_token && now_ms < of_token->until_ms)
      return revoked::token;
  return std::nullopt;
}

bool revocations::ends(std::string_view session, std::int64_t now_ms) const {
  if (size() == 0) return false;
  std::shared_lock guard{mutex_};
  const auto* found = look(revoked::session, session);
  return found && now_ms < found->until_ms;
}

bool revocations::ends(const storage::stored_session& which, std::int64_t now_ms) const {
  if (ends(which.id, now_ms)) return true;
  if (size() == 0) return false;
  std::shared_lock guard{mutex_};
  const auto* of_user = look(revoked::user, which.user);
  return of_user && now_ms < of_user->until_ms && which.created_ms <= of_user->at_ms;
}

std::optional<storage::stored_revocation> revocations::find(revoked kind, std::string_view name) const {
  std::shared_lock guard{mutex_};
  const auto* found = look(kind, name);
  return found ? std::optional{*found} : std::nullopt;
}

std::vector<storage::stored_revocation> revocations::list(revoked kind, std::string_view after,
                                                          std::size_t count_max) const {
  std::shared_lock guard{mutex_};
  std::vector<storage::stored_revocation> found;
  for (auto one = of(kind).upper_bound(after); one != of(kind).end() && found.size() < count_max; ++one)
    found.push_back(one->second);
  return found;
}

std::vector<storage::stored_revocation> revocations::over(std::int64_t now_ms) const {
  if (size() == 0) return {};
  std::shared_lock guard{mutex_};
  std::vector<storage::stored_revocation> found;
  for (const auto& table : tables_)
    for (const auto& [name, each] : table)
      if (each.until_ms <= now_ms) found.push_back(each);
  return found;
}

void revocations::put(storage::stored_revocation what) {
  std::unique_lock guard{mutex_};
  auto name = what.name;
  auto& table = of(what.kind);
  if (table.insert_or_assign(std::move(name), std::move(what)).second) size_.fetch_add(1, std::memory_order_release);
  changes_.fetch_add(1, std::memory_order_release);
}

bool revocations::erase(revoked kind, std::string_view name) {
  std::unique_lock guard{mutex_};
  const auto found = of(kind).find(name);
  if (found == of(kind).end()) return false;
  of(kind).erase(found);
  size_.fetch_sub(1, std::memory_order_release);
  return true;
}

bool is_revoked(const context& ctx, const principal& who) {
  if (ctx.revoked && ctx.revoked->refuses(who.user.value, who.shown.get(), ctx.now_ms())) return true;
  return ctx.keys && who.shown && !who.shown->key_id.empty() && !ctx.keys->has(who.shown->key_id);
}

}  // namespace greenroom
