/// ADMIN_ACCESS answers the admin's commands about who may come.
///
///   key_add {user, scopes, grants, for_ms, note}   a new API key: `{key, id}`; nothing ever says `key` again. Without
///                                      `for_ms` it has no end
///   key_list {after, limit}            the keys by id: user, scopes, grants, note, created, expires, last used
///   key_revoke {id}                    erases a key; whoever came with it is closed
///   revoke {kind, name, for_ms, note}  takes back a `user` with all that was given to it until now, a `session`, or a
///                                      `token` by its jti; it holds so long
///   revoke_list {kind, after, limit}   what was taken back
///   revoke_undo {kind, name}           whoever was refused for it is let in again
///
/// A grant is `{rooms, actions, methods, users}`, lists of texts; an action is join, publish, read or members. What takes
/// something back holds at once, and is answered once it is on disk: a refusal behind that says that it holds, and that
/// it may be gone after a restart.
///
/// Threading: the admin's; it waits for nobody. Bounds: storage::limits::api_keys_max, revocations_max,
/// limits::admin_page_max entries of an answer; limits::ask_timeout.
#pragma once
#include <string>
#include <string_view>

#include "actors/admin.hpp"
#include "codecs/value.hpp"

namespace greenroom::admin_access {

/// False: `command` is none of these. Answers now or later.
bool answered(runtime::actor_base* self, context& ctx, const admin::peer_ptr& to, std::string_view command,
              const codecs::value& input);

std::string commands();  ///< their names, for who asked for another one

}  // namespace greenroom::admin_access
