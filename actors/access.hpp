/// Who may do what. A caller is the subject of its token; without one it is anonymous, and anonymous access is denied
/// unless the config (or --dev) says otherwise. Why a token is not accepted is for the log: the stranger hears one
/// sentence, whatever it was.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "actors/ids.hpp"
#include "actors/room_policy.hpp"
#include "codecs/call.hpp"
#include "codecs/outcome.hpp"
#include "storage/session.hpp"

namespace greenroom {

struct context;

using storage::identity;

struct credential;

/// The subject of a session or of one HTTP call.
struct principal {
  user_id user;
  identity kind = identity::anonymous;
  std::int64_t expires_at_ms = 0;             ///< when it ends to be so, of a connection; 0: never
  std::shared_ptr<const credential> shown{};  ///< what it has shown for itself; null: nothing
};

namespace access {

/// Where a call comes from, as far as access cares.
enum class origin : std::uint8_t { loopback, elsewhere };

struct source {
  access::origin from = access::origin::elsewhere;
  std::string_view peer{};  ///< its address, for the log
};

/// The principal of `session.open`, or why there is none.
std::variant<principal, codecs::error> authenticate(const context& ctx, const codecs::calls::session_open& what,
                                                    const source& whence);
/// The same user by a newer token, or why not.
std::variant<principal, codecs::error> refresh(const context& ctx, const principal& known, const std::string& token,
                                               const source& whence);
/// Whether that principal is none any more.
bool expired(const context& ctx, const principal& who);
/// Whether a client that said nothing of itself may call at all, and under which name.
std::optional<principal> anonymous(const context& ctx, origin from);

/// Whether a browser's page of that origin may talk to this node: no origin (no browser), the node's `own`, one of the
/// config's list, and where guests are welcome any page served from this machine.
bool origin_allowed(const context& ctx, std::string_view origin, std::string_view own);

/// Whether a client may register methods and answer them; empty where it may.
std::optional<codecs::error> check_worker(const context& ctx, const principal& who);

enum class action : std::uint8_t { join, publish, read };
/// Empty where it is allowed.
std::optional<codecs::error> check(const principal& who, action what, const room_policy& policy);

}  // namespace access
}  // namespace greenroom
