#include "actors/access.hpp"

#include <algorithm>

#include "actors/context.hpp"
#include "runtime/secret.hpp"

namespace greenroom::access {
namespace {

constexpr std::size_t guest_name_random_bytes = 6;  ///< with `guest-` 14 characters, which a std::string holds in place

using codecs::error_code;

bool guests_welcome(const context& ctx, origin from) {
  return ctx.config.access.anonymous == runtime::anonymous_access::loopback && from == origin::loopback;
}

}  // namespace

std::variant<principal, codecs::error> authenticate(const context& ctx, const codecs::calls::session_open& what,
                                                    origin from) {
  if (const auto& own = ctx.extensions.doorkeeper())
    if (auto decided = own({.token = what.token, .user = what.user, .from = from})) return std::move(*decided);
  if (!what.token.empty()) return codecs::make_error(error_code::unauthenticated, "the token is not known here");
  auto guest = anonymous(ctx, from);
  if (!guest) return codecs::make_error(error_code::unauthenticated, "a token is needed");
  if (!what.user.empty()) guest->user = user_id{what.user};
  return *guest;
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
