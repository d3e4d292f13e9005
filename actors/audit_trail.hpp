/// AUDIT_TRAIL is what the actors put into the audit log, one function for each kind of event, so that the same event reads the
/// same wherever it happens. Nothing is done where there is no audit log or its level does not want it.
///
/// Threading: any. Bounds: the audit's. What goes in are names, addresses and sentences of ours: no token, no payload.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/access.hpp"
#include "actors/ids.hpp"
#include "codecs/call.hpp"
#include "codecs/outcome.hpp"

namespace greenroom {
struct caller;
}

namespace greenroom::audit_trail {

/// A call that its caller may not make. `reason`: what exactly was missing, for the node's owner.
void refused(const context& ctx, const caller& from, std::string_view method, std::string_view target,
             std::string_view reason, codecs::error_code code);
/// Somebody who is not let in. `action` of static life; `detail` is what it said of itself, where that is no secret.
void stranger(const context& ctx, std::string_view action, std::string_view peer, std::string_view target,
              std::string_view reason, std::string_view detail = {});
/// The token of a connection has ended, which closes it.
void token_ended(const context& ctx, const caller& from);

enum class opening : std::uint8_t { fresh, resumed };
void session_opened(const context& ctx, const caller& from, opening how);
void session_ended(const context& ctx, const session_id& session, const user_id& user, std::string_view why);

/// What a caller did that it may: a room joined, a method registered or called. `method` of static life.
void used(const context& ctx, const caller& from, std::string_view method, std::string_view target);
void worker_registered(const context& ctx, const session_id& session, const user_id& user,
                       const codecs::calls::service_register& what);

/// What the node did by itself or its operator had it do. `action` of static life.
void node(const context& ctx, std::string_view action, std::string detail);
void certificate(const context& ctx, std::string_view fingerprint, std::string_view why_not);

}  // namespace greenroom::audit_trail
