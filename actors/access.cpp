#include "actors/access.hpp"

#include <algorithm>

#include "actors/context.hpp"
#include "actors/permissions.hpp"
#include "actors/tokens.hpp"
#include "codecs/jwt.hpp"
#include "runtime/log.hpp"
#include "runtime/secret.hpp"

namespace greenroom::access {
namespace {

constexpr std::string_view guest_prefix = "guest-";
constexpr std::size_t guest_name_random_bytes = 6;  ///< with the prefix 14 characters, held in place by a std::string
constexpr std::size_t guest_name_size = guest_prefix.size() + guest_name_random_bytes * 4 / 3;

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

std::variant<principal, codecs::error> verify(const context& ctx, const std::string& token, const source& whence) {
  const auto refuse = [&](std::string_view reason) {
    ctx.meters.token_refused();
    runtime::log::info("a token is not accepted", {{"reason", reason}, {"peer", whence.peer}});
    return codecs::make_error(error_code::unauthenticated, "the token is not accepted");
  };
  if (!ctx.tokens) return refuse("The config names no key: tokens.keys.");
  const auto now_s = static_cast<std::uint64_t>(ctx.now_ms()) / ms_per_s;
  const auto verdict = ctx.tokens->verify(token, now_s);
  if (const auto* why = std::get_if<codecs::jwt_refusal>(&verdict)) return refuse(codecs::sentence_of(*why));
  const auto& claims = *std::get<codecs::jwt_claims_ptr>(verdict);
  auto shown = credential_of(claims, ctx.permissions);
  if (const auto* why = std::get_if<std::string>(&shown)) return refuse(*why);
  return principal{user_id{claims.subject}, identity::authenticated, end_of(claims, now_s),
                   std::get<std::shared_ptr<const credential>>(std::move(shown))};
}

}  // namespace

std::variant<principal, codecs::error> authenticate(const context& ctx, const codecs::calls::session_open& what,
                                                    const source& whence) {
  if (const auto& own = ctx.extensions.doorkeeper())
    if (auto decided = own({.token = what.token, .user = what.user, .from = whence.from})) return std::move(*decided);
  if (!what.token.empty()) return verify(ctx, what.token, whence);
  auto guest = anonymous(ctx, whence.from);
  if (!guest) return codecs::make_error(error_code::unauthenticated, "a token is needed");
  if (what.user.empty()) return *guest;
  if (names_are_taken(ctx))
    return codecs::make_error(error_code::forbidden,
                              "a guest cannot choose its name here: names belong to who shows a token");
  guest->user = user_id{what.user};
  return *guest;
}

bool names_are_taken(const context& ctx) { return ctx.tokens || ctx.keys; }

bool may_come_back(const context& ctx, std::string_view guest) {
  return !names_are_taken(ctx) || (guest.starts_with(guest_prefix) && guest.size() == guest_name_size);
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
  return principal{user_id{std::string{guest_prefix} + runtime::random_text(guest_name_random_bytes)},
                   identity::anonymous};
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

namespace {

std::string_view verb(action what) {
  switch (what) {
    case action::join: return "join";
    case action::publish: return "publish in";
    case action::read: return "read the history of";
    case action::members: return "see the members of";
    case action::call: return "call";
    case action::send: return "send to";
    case action::presence: return "see";
    case action::work: return "answer";
  }
  return {};
}

std::string_view word(admission needed) {
  switch (needed) {
    case admission::nobody: return "nobody";
    case admission::authenticated: return "authenticated";
    case admission::anyone: break;
  }
  return "anyone";
}

constexpr admission admission_of(runtime::permission from) {
  static_assert(static_cast<int>(runtime::permission::nobody) == static_cast<int>(admission::nobody) &&
                static_cast<int>(runtime::permission::authenticated) == static_cast<int>(admission::authenticated) &&
                static_cast<int>(runtime::permission::anyone) == static_cast<int>(admission::anyone));
  return static_cast<admission>(from);
}

bool meets(const principal& who, admission needed) {
  return needed == admission::anyone || (needed == admission::authenticated && who.kind == identity::authenticated);
}

/// What beside the rule for everybody might allow it. `looked_at`: how much there was.
bool granted(const context& ctx, const principal& who, action what, std::string_view target, std::size_t& looked_at) {
  if (who.shown && who.shown->allowed) {
    looked_at = who.shown->allowed->size();
    return who.shown->allowed->allow(what, target);
  }
  return ctx.permissions && ctx.permissions->allow(who, what, target, looked_at);
}

/// `rule`: the config's key and its value, "access.send = nobody".
std::string sentence(const principal& who, action what, std::string_view target, const std::string& rule,
                     std::size_t looked_at) {
  std::string out{"no grant allows "};
  out.append(who.kind == identity::authenticated ? "user " : "guest ").append(who.user.value).append(" to ");
  out.append(verb(what)).append(" ");
  out.append(target.empty() ? std::string_view{"everybody"} : target).append(": ").append(rule);
  if (looked_at == 0) return out.append(", and there is none for this caller");
  return out.append(", and none of ")
      .append(std::to_string(looked_at))
      .append(looked_at == 1 ? " grant" : " grants")
      .append(" matches");
}

struct rule {
  std::string_view key;
  admission needed;
};

rule rule_of(const room_policy& policy, action what) {
  switch (what) {
    case action::join: return {"join", policy.join};
    case action::publish: return {"publish", policy.publish};
    case action::members: return {"members", policy.members};
    default: return {"read", policy.read};
  }
}

rule rule_of(const runtime::access_config& from, action what) {
  switch (what) {
    case action::call: return {"access.call", admission_of(from.call)};
    case action::send: return {"access.send", admission_of(from.send)};
    case action::presence: return {"access.presence", admission_of(from.presence)};
    default: return {"access.workers", admission_of(from.workers)};
  }
}

}  // namespace

refusal check(const context& ctx, const principal& who, action what, std::string_view room, const room_policy& policy) {
  const auto [key, needed] = rule_of(policy, what);
  if (meets(who, needed)) return std::nullopt;
  std::size_t looked_at = 0;
  if (granted(ctx, who, what, room, looked_at)) return std::nullopt;
  auto said = "namespace " + (policy.name.empty() ? std::string{"default"} : policy.name) + " has ";
  said.append(key).append(" = ").append(word(needed));
  return sentence(who, what, room, said, looked_at);
}

refusal check(const context& ctx, const principal& who, action what, std::string_view target) {
  const auto [key, needed] = rule_of(ctx.config.access, what);
  if (meets(who, needed)) return std::nullopt;
  std::size_t looked_at = 0;
  if (granted(ctx, who, what, target, looked_at)) return std::nullopt;
  return sentence(who, what, target, std::string{key}.append(" = ").append(word(needed)), looked_at);
}

codecs::error forbidden() { return codecs::make_error(error_code::forbidden, "this caller may not do that"); }

}  // namespace greenroom::access
