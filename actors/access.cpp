#include "actors/access.hpp"

#include <algorithm>

#include "actors/audit_trail.hpp"
#include "actors/context.hpp"
#include "actors/tokens.hpp"
#include "codecs/jwt.hpp"
#include "runtime/log.hpp"
#include "runtime/secret.hpp"

namespace greenroom::access {
namespace {

constexpr std::size_t guest_name_random_bytes = 6;  ///< with `guest-` 14 characters, which a std::string holds in place

using codecs::error_code;

bool guests_welcome(const context& ctx, origin from) {
  return ctx.config.access.anonymous == runtime::anonymous_access::loopback && from == origin::loopback;
}

constexpr std::uint64_t ms_per_s = 1'000;

/// When the token of a connection ends. One that came late, as clocks differ, has that time.
std::int64_t end_of(const codecs::jwt_claims& claims, std::uint64_t now_s) {
  const auto s = claims.expires_at_s > now_s ? claims.expires_at_s : claims.expires_at_s + codecs::limits::jwt_leeway_s;
  return static_cast<std::int64_t>(s * ms_per_s);
}

constexpr std::string_view no_guest = "no token was shown, and access.anonymous lets nobody in from there without one";

/// The node's owner is told what was missing; the stranger is not.
void note_stranger(const context& ctx, const source& whence, std::string_view reason, std::string_view detail = {}) {
  runtime::log::info("a caller is not let in", {{"reason", reason}, {"peer", whence.peer}});
  audit_trail::stranger(ctx, "authenticate", whence.peer, {}, reason, detail);
}

std::variant<principal, codecs::error> verify(const context& ctx, const std::string& token, const source& whence) {
  const auto refuse = [&](std::string_view reason) {
    ctx.meters.token_refused();
    runtime::log::info("a token is not accepted", {{"reason", reason}, {"peer", whence.peer}});
    audit_trail::stranger(ctx, "authenticate", whence.peer, {}, reason);
    return codecs::make_error(error_code::unauthenticated, "the token is not accepted");
  };
  if (!ctx.tokens) return refuse("The config names no key: tokens.keys.");
  const auto now_s = static_cast<std::uint64_t>(ctx.now_ms()) / ms_per_s;
  const auto verdict = ctx.tokens->verify(token, now_s);
  if (const auto* why = std::get_if<codecs::jwt_refusal>(&verdict)) return refuse(codecs::sentence_of(*why));
  const auto& claims = *std::get<codecs::jwt_claims_ptr>(verdict);
  return principal{user_id{claims.subject}, identity::authenticated, end_of(claims, now_s)};
}

}  // namespace

std::variant<principal, codecs::error> authenticate(const context& ctx, const codecs::calls::session_open& what,
                                                    const source& whence) {
  if (const auto& own = ctx.extensions.doorkeeper())
    if (auto decided = own({.token = what.token, .user = what.user, .from = whence.from})) {
      if (const auto* why = std::get_if<codecs::error>(&*decided))
        note_stranger(ctx, whence, why->message, "the program's own doorkeeper");
      return std::move(*decided);
    }
  if (!what.token.empty()) return verify(ctx, what.token, whence);
  auto guest = anonymous(ctx, whence.from);
  if (!guest) {
    note_stranger(ctx, whence, no_guest);
    return codecs::make_error(error_code::unauthenticated, "a token is needed");
  }
  if (!what.user.empty()) guest->user = user_id{what.user};
  return *guest;
}

std::variant<principal, codecs::error> refresh(const context& ctx, const principal& known, const std::string& token,
                                               const source& whence) {
  if (known.kind != identity::authenticated)
    return codecs::make_error(error_code::unauthenticated, "the session was opened without a token");
  codecs::calls::session_open claim;
  claim.token = token;
  auto shown = authenticate(ctx, claim, whence);
  const auto* now = std::get_if<principal>(&shown);
  if (now && (now->kind != known.kind || now->user != known.user))
    return codecs::make_error(error_code::forbidden, "the token is another user's");
  return shown;
}

bool expired(const context& ctx, const principal& who) {
  return who.expires_at_ms != 0 && who.expires_at_ms <= ctx.now_ms();
}

std::optional<principal> anonymous(const context& ctx, origin from) {
  if (!guests_welcome(ctx, from)) return std::nullopt;
  return principal{user_id{"guest-" + runtime::random_text(guest_name_random_bytes)}, identity::anonymous};
}

bool origin_allowed(const context& ctx, std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  const auto& listed = ctx.config.access.allowed_origins;
  if (std::find(listed.begin(), listed.end(), origin) != listed.end()) return true;
  const auto scheme = origin.find("://");
  if (scheme == std::string_view::npos) return false;
  auto site = origin.substr(scheme + 3);
  if (!host.empty() && site == host) return true;
  if (ctx.config.access.anonymous != runtime::anonymous_access::loopback) return false;
  if (auto port = site.rfind(':'); port != std::string_view::npos && site.back() != ']') site = site.substr(0, port);
  return site == "localhost" || site == "127.0.0.1" || site == "[::1]";
}

std::optional<codecs::error> check_worker(const context& ctx, const principal& who) {
  using runtime::permission;
  const auto needed = ctx.config.access.workers;
  if (needed == permission::anyone) return std::nullopt;
  if (needed == permission::authenticated && who.kind == identity::authenticated) return std::nullopt;
  return codecs::make_error(error_code::forbidden, "the config does not let this client be a worker: access.workers");
}

std::optional<codecs::error> check(const principal& who, action what, const room_policy& policy) {
  const auto needed = what == action::join ? policy.join : what == action::publish ? policy.publish : policy.read;
  if (needed == admission::anyone) return std::nullopt;
  if (needed == admission::authenticated && who.kind == identity::authenticated) return std::nullopt;
  return codecs::make_error(error_code::forbidden, "the room's namespace does not allow it");
}

}  // namespace greenroom::access
