/// ADMIN_STORE answers the admin's commands about what the store holds.
///
///   queue_list {after, limit}          users with messages that wait, by name: how many, bytes, the oldest, sessions
///   queue_show {user, after, limit}    the messages that wait for a user
///   queue_replay {user}                sends to the user's sessions once more what they have not acknowledged
///   queue_purge {user}                 drops what waits for a user
///   dead_list {user or room, after, limit}   dead letters, of one user, of one room, or of all, oldest first
///   dead_replay {letters}, or {user or room, after, limit}   queues users' dead letters again, and publishes those of
///                                      rooms; one whose inbox is full, or that its room does not take, stays dead
///   dead_purge {user or room, upto}    drops dead letters, of one user, of one room, or of all
///   backup {file, replace}             copies the database into a file of that absolute path
///
/// A list is a page: `next` is the `after` of the following one, absent behind the last. Times are milliseconds since
/// 1970, `now_ms` is the node's.
///
/// Threading: the admin's; it waits for nobody. Changes go through the user's queue or the room,
///   reads through a reader.
/// Bounds: limits::admin_page_max entries, limits::admin_page_bytes of messages in an answer; limits::ask_timeout.
#pragma once
#include <string>
#include <string_view>

#include "actors/admin.hpp"
#include "codecs/value.hpp"

namespace greenroom::admin_store {

/// False: `command` is none of these. Answers now or later.
bool answered(runtime::actor_base* self, context& ctx, const admin::peer_ptr& to, std::string_view command,
              const codecs::value& input);

std::string commands();  ///< their names, for who asked for another one

}  // namespace greenroom::admin_store
