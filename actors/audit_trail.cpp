#include "actors/audit_trail.hpp"

#include <utility>

#include "actors/audit.hpp"
#include "actors/context.hpp"
#include "actors/credential.hpp"
#include "actors/dispatch.hpp"

namespace greenroom::audit_trail {
namespace {

bool wanted(const context& ctx, audit_kind what) { return ctx.audit && ctx.audit->wants(what); }

audit_entry of(const caller& from, audit_kind what, audit_decision decision, std::string_view action) {
  audit_entry entry{.what = what, .decision = decision, .action = action};
  entry.user = from.who.user.value;
  entry.session = from.session.value;
  entry.peer = from.address;
  if (const auto* shown = from.who.shown.get())
    entry.credential = !shown->key_id.empty()     ? "key:" + shown->key_id
                       : !shown->token_id.empty() ? "jti:" + shown->token_id
                                                  : std::string{};
  return entry;
}

}  // namespace

void refused(const context& ctx, const caller& from, std::string_view method, std::string_view target,
             std::string_view reason, codecs::error_code code) {
  if (!wanted(ctx, audit_kind::refusal)) return;
  auto entry = of(from, audit_kind::refusal, audit_decision::refused, method);
  entry.target = target;
  entry.reason = reason;
  entry.code = static_cast<std::int32_t>(code);
  ctx.audit->record(std::move(entry));
}

void stranger(const context& ctx, std::string_view action, std::string_view peer, std::string_view target,
              std::string_view reason, std::string_view detail) {
  if (!wanted(ctx, audit_kind::refusal)) return;
  audit_entry entry{.what = audit_kind::refusal, .decision = audit_decision::refused, .action = action};
  entry.peer = peer;
  entry.target = target;
  entry.reason = reason;
  entry.detail = detail;
  ctx.audit->record(std::move(entry));
}

void token_ended(const context& ctx, const caller& from) {
  if (!wanted(ctx, audit_kind::refusal)) return;
  auto entry = of(from, audit_kind::refusal, audit_decision::refused, "token.expired");
  entry.reason = "the token has ended and no newer one came: closed with 1008";
  ctx.audit->record(std::move(entry));
}

void session_opened(const context& ctx, const caller& from, opening how) {
  if (!wanted(ctx, audit_kind::session)) return;
  auto entry = of(from, audit_kind::session, audit_decision::allowed, "session.open");
  if (how == opening::resumed) entry.detail = "resumed";
  ctx.audit->record(std::move(entry));
}

void session_ended(const context& ctx, const session_id& session, const user_id& user, std::string_view why) {
  if (!wanted(ctx, audit_kind::session)) return;
  audit_entry entry{.what = audit_kind::session, .decision = audit_decision::done, .action = "session.end"};
  entry.user = user.value;
  entry.session = session.value;
  entry.reason = why;
  ctx.audit->record(std::move(entry));
}

void used(const context& ctx, const caller& from, std::string_view method, std::string_view target) {
  if (!wanted(ctx, audit_kind::use)) return;
  auto entry = of(from, audit_kind::use, audit_decision::allowed, method);
  entry.target = target;
  ctx.audit->record(std::move(entry));
}

void worker_registered(const context& ctx, const session_id& session, const user_id& user,
                       const codecs::calls::service_register& what) {
  if (!wanted(ctx, audit_kind::use)) return;
  audit_entry entry{.what = audit_kind::use, .decision = audit_decision::allowed, .action = "service.register"};
  entry.user = user.value;
  entry.session = session.value;
  for (const auto& each : what.methods) {
    if (entry.target.size() > storage::audit_text_bytes_max) break;  // it is cut there
    entry.target.append(entry.target.empty() ? "" : " ").append(each.name);
  }
  ctx.audit->record(std::move(entry));
}

void node(const context& ctx, std::string_view action, std::string detail) {
  if (!wanted(ctx, audit_kind::node)) return;
  audit_entry entry{.what = audit_kind::node, .decision = audit_decision::done, .action = action};
  entry.detail = std::move(detail);
  ctx.audit->record(std::move(entry));
}

void certificate(const context& ctx, std::string_view fingerprint, std::string_view why_not) {
  if (!wanted(ctx, audit_kind::administration)) return;
  audit_entry entry{.what = audit_kind::administration,
                    .decision = why_not.empty() ? audit_decision::done : audit_decision::refused,
                    .action = "certificate.reload"};
  entry.target = fingerprint;
  entry.reason = why_not;
  ctx.audit->record(std::move(entry));
}

}  // namespace greenroom::audit_trail
