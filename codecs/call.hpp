#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "codecs/payload.hpp"

/// What a client may ask of a node, whatever protocol it speaks: one struct a method of docs/protocol.md, parsed and
/// checked. Absent optional members have the defaults that stand here. Strings are valid UTF-8 within limits.hpp.
namespace greenroom::codecs {

struct position {
  std::string epoch;
  std::uint64_t seq = 0;
};  ///< an empty epoch: the client gave a bare seq

enum class ack_level : std::uint8_t { unstated, accepted, durable };

namespace calls {

struct room_position {
  std::string room;
  position at;
};
struct resume {
  std::string session, token;
  std::vector<room_position> positions;
};
struct session_open {
  std::string token, client, user;
  std::optional<codecs::calls::resume> resume;
  std::optional<std::uint32_t> window_ms{};  ///< how long it outlives its connection; none: as the config says
  bool keeps_token = false;                  ///< what resumes it stays the same all its life (Socket.IO's `pid`)
  bool takes_inbox = true;                   ///< false: the client says when (`inbox_open`)
  std::string channel{};                     ///< that it is opened for, a namespace of Socket.IO; empty: none
  payload_ptr payload{};                     ///< what the channel's service is told; null: nothing
};
struct session_refresh {
  std::string token;
};
struct session_close {};
struct room_join {
  std::string room;
  std::optional<position> since;
  payload_ptr presence;         ///< null when absent
  payload_ptr params{};         ///< all that the client said with it; null where that is nothing
  bool tells_position = false;  ///< Phoenix: the room's position follows each turn
};
struct room_leave {
  std::string room;
};
struct room_publish {
  std::string room, event;
  payload_ptr body;
  std::string id;
  ack_level ack{};
  bool echo = true;
};
struct room_history {
  std::string room;
  std::optional<std::uint64_t> before, after;
  std::uint32_t limit = 100;
};
struct room_members {
  std::string room, after;
  std::uint32_t limit = 100;
};
struct user_send {
  std::string to, event;
  payload_ptr body;
  std::string id;
  std::optional<std::uint32_t> ttl_s;
};
struct inbox_ack {
  std::uint64_t upto = 0;
};
struct presence_set {
  std::string status, location;
  payload_ptr meta;
};  ///< location: empty when absent; meta: null when absent
struct presence_get {
  std::vector<std::string> users;
};  ///< in the order of their names, each once; the same in the next two
struct presence_watch {
  std::vector<std::string> users;
};
struct presence_unwatch {
  std::vector<std::string> users;
};
struct presence_online {
  std::string after;
  std::uint32_t limit = 100;
};
struct worker_method {
  std::string name, summary;
  payload_ptr params, result;  ///< JSON Schemas; null when absent
  bool idempotent = false;     ///< may be given to another worker when it was lost with one
};
struct service_register {
  std::vector<worker_method> methods;  ///< never empty
  std::uint32_t capacity = 16;         ///< requests that the worker takes at a time
};
struct service_unregister {
  std::vector<std::string> methods;
};                   ///< empty: all
struct discover {};  ///< rpc.discover
struct other {
  std::string method;
  payload_ptr params;
};  ///< any other method: a service's; params null when absent

// What no method of the native protocol says.
struct channel_event {
  std::string channel, event;
  payload_ptr params;
};  ///< for the channel's service; where it has none, a method of that name. params: null when absent
struct inbox_open {
  std::string user;
};  ///< Phoenix: the client takes what its inbox has from now on
struct inbox_close {};

}  // namespace calls

using call =
    std::variant<calls::session_open, calls::session_refresh, calls::session_close, calls::room_join, calls::room_leave,
                 calls::room_publish, calls::room_history, calls::room_members, calls::user_send, calls::inbox_ack,
                 calls::presence_set, calls::presence_get, calls::presence_watch, calls::presence_unwatch,
                 calls::presence_online, calls::service_register, calls::service_unregister, calls::discover,
                 calls::other, calls::channel_event, calls::inbox_open, calls::inbox_close>;

/// The method's name, for metrics and logs: "room.publish", or what `other` carries.
std::string_view method_of(const call& what);

}  // namespace greenroom::codecs
