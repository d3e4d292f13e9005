/// ADMIN_SECRETS answers the admin's commands about secrets and the keys that encrypt them.
///
///   secret_put {name, value}        keeps a secret, in the place of one of that name; `value` is base64
///   secret_list {after, limit}      secrets by name, without what they say: bytes, the key's id, when they were put
///   secret_erase {name}
///   secret_rotate                   begins to wrap every data key anew under the newest key: as secret_progress
///   secret_progress                 {running, done, left, locked, why}: how far that is
///   secret_status                   the keys of the config and of the database, and how many data keys each wraps
///
/// Threading: the admin's; it waits for nobody. Bounds: limits::admin_page_max entries, storage::limits::secret_*,
///   limits::ask_timeout.
#pragma once
#include <caf/actor.hpp>
#include <string>
#include <string_view>

#include "actors/admin.hpp"
#include "codecs/value.hpp"

namespace greenroom::admin_secrets {

/// False: `command` is none of these. Answers now or later; `store` is the secret_store.
bool answered(runtime::actor_base* self, context& ctx, const caf::actor& store, const admin::peer_ptr& to,
              std::string_view command, const codecs::value& input);

std::string commands();  ///< their names, for who asked for another one

}  // namespace greenroom::admin_secrets
