#include "actors/access.hpp"

#include <algorithm>

#include "actors/api_keys.hpp"
#include "actors/audit_trail.hpp"
#include "actors/context.hpp"
#include "actors/credential.hpp"
#include "actors/key_text.hpp"
#include "actors/permissions.hpp"
#include "actors/revocations.hpp"
#include "actors/tokens.hpp"
#include "codecs/jwt.hpp"
#include "runtime/log.hpp"
#include "runtime/secret.hpp"
#include "runtime/web_origin.hpp"

namespace greenroom::access {
namespace {

constexpr std::string_view guest_prefix = "guest-";
constexpr std::size_t guest_name_random_bytes = 6;  ///< with the prefix 14 characters, held in place by a std::string
constexpr std::size_t guest_name_size = guest_prefix.size() + guest_name_random_bytes * 4 / 3;

constexpr std::string_view worker_scope = "worker";

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
constexpr std::string_view named_guest = "a guest cannot choose its name here: names belong to who shows a token";

/// The node's owner is told what was missing; the stranger is not.
void note_stranger(const context& ctx, const source& whence, std::string_view reason, std::string_view detail = {}) {
  runtime::log::info("a caller is not let in", {{"reason", reason}, {"peer", whence.peer}});
  audit_trail::stranger(ctx, "authenticate", whence.peer, {}, reason, detail);
}

codecs::error refuse_token(const context& ctx, std::string_view reason, const source& whence) {
  ctx.meters.token_refused();
  runtime::log::info("a token is not accepted", {{"reason", reason}, {"peer", whence.peer}});
  audit_trail::stranger(ctx, "authenticate", whence.peer, {}, reason);
  return codecs::make_error(error_code::unauthenticated, "the token is not accepted");
}

std::variant<principal, codecs::error> verify_key(const context& ctx, const std::string& text, const source& whence) {
  if (!ctx.keys) return refuse_token(ctx, "This node has no API keys.", whence);
  const auto verdict = ctx.keys->verify(text, ctx.now_ms());
  if (const auto* why = std::get_if<key_refusal>(&verdict)) return refuse_token(ctx, sentence_of(*why), whence);
  const auto& key = *std::get<api_keys::key_ptr>(verdict);
  return principal{user_id{key.stored.user}, identity::authenticated, key.stored.expires_ms, key.shown};
}

std::variant<principal, codecs::error> verify(const context& ctx, const std::string& token, const source& whence) {
  const auto refuse = [&](std::string_view reason) { return refuse_token(ctx, reason, whence); };
  if (key_text::is_meant(token)) return verify_key(ctx, token, whence);
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

/// Who a caller is, as its token, its key, the program's own doorkeeper or nothing says.
std::variant<principal, codecs::error> identify(const context& ctx, const codecs::calls::session_open& what,
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
  if (what.user.empty()) return *guest;
  if (names_are_taken(ctx)) {
    note_stranger(ctx, whence, named_guest, what.user);
    return codecs::make_error(error_code::forbidden, std::string{named_guest});
  }
  guest->user = user_id{what.user};
  return *guest;
}

std::string_view sentence_of(storage::revoked kind) {
  return kind == storage::revoked::token ? "The token was revoked." : "It is of before its user was revoked.";
}

}  // namespace

bool names_are_taken(const context& ctx) { return ctx.tokens || (ctx.keys && ctx.keys->size() != 0); }

bool may_come_back(const context& ctx, std::string_view guest) {
  return !names_are_taken(ctx) || (guest.starts_with(guest_prefix) && guest.size() == guest_name_size);
}

std::variant<principal, codecs::error> authenticate(const context& ctx, const codecs::calls::session_open& what,
                                                    const source& whence) {
  auto shown = identify(ctx, what, whence);
  const auto* who = std::get_if<principal>(&shown);
  if (!who || !ctx.revoked) return shown;
  const auto why = ctx.revoked->refuses(who->user.value, who->shown.get(), ctx.now_ms());
  if (!why) return shown;
  ctx.revoked->count_refused(*why);
  return refuse_token(ctx, sentence_of(*why), whence);
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

bool origin_allowed(const context& ctx, std::string_view origin, std::string_view own) {
  if (origin.empty()) return true;
  const auto& listed = ctx.config.access.allowed_origins;
  if (origin == "null") return std::ranges::find(listed, origin) != listed.end();
  if (!runtime::is_web_origin(origin)) return false;
  if (origin == own) return true;
  if (std::ranges::any_of(listed, [&](const auto& each) { return runtime::origin_matches(each, origin); })) return true;
  return ctx.config.access.anonymous == runtime::anonymous_access::loopback &&
         runtime::is_origin_of_this_machine(origin);
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

/// A key is for one purpose: being a worker has to be named.
bool lacks_worker_scope(const principal& who) {
  const auto* shown = who.shown.get();
  return shown && !shown->key_id.empty() && std::ranges::find(shown->scopes, worker_scope) == shown->scopes.end();
}

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
  if (what == action::work && lacks_worker_scope(who))
    return "the API key of user " + who.user.value + " has no scope worker";
  const auto [key, needed] = rule_of(ctx.config.access, what);
  if (meets(who, needed)) return std::nullopt;
  std::size_t looked_at = 0;
  if (granted(ctx, who, what, target, looked_at)) return std::nullopt;
  return sentence(who, what, target, std::string{key}.append(" = ").append(word(needed)), looked_at);
}

codecs::error forbidden() { return codecs::make_error(error_code::forbidden, "this caller may not do that"); }

}  // namespace greenroom::access
