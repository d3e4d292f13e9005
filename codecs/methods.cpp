#include "codecs/methods.hpp"

#include <array>

namespace greenroom::codecs {
namespace {

using namespace calls;

call read_session_open(params_reader& in) {
  return session_open{.token = in.text_or_empty("token", limits::token_bytes_max),
                      .client = in.text_or_empty("client", limits::client_bytes_max),
                      .user = in.name_or_empty("user", limits::user_bytes_max),
                      .resume = in.resume_if_any("resume")};
}
call read_session_refresh(params_reader& in) {
  return session_refresh{.token = in.text("token", limits::token_bytes_max)};
}
call read_session_close(params_reader&) { return session_close{}; }
call read_room_join(params_reader& in) {
  return room_join{.room = in.name("room", limits::room_bytes_max),
                   .since = in.position_if_any("since"),
                   .presence = in.document_if_any("presence", limits::presence_bytes_max)};
}
call read_room_leave(params_reader& in) { return room_leave{.room = in.name("room", limits::room_bytes_max)}; }
call read_room_publish(params_reader& in) {
  return room_publish{.room = in.name("room", limits::room_bytes_max),
                      .event = in.name("event", limits::event_bytes_max),
                      .body = in.document("payload"),
                      .id = in.message_id_or_empty("id"),
                      .ack = in.ack("ack"),
                      .echo = in.flag("echo", true)};
}
call read_room_history(params_reader& in) {
  return room_history{.room = in.name("room", limits::room_bytes_max),
                      .before = in.natural_if_any("before"),
                      .after = in.natural_if_any("after"),
                      .limit = in.between("limit", 1, limits::page_max, room_history{}.limit)};
}
call read_room_members(params_reader& in) {
  return room_members{.room = in.name("room", limits::room_bytes_max),
                      .after = in.name_or_empty("after", limits::user_bytes_max),
                      .limit = in.between("limit", 1, limits::page_max, room_members{}.limit)};
}
call read_user_send(params_reader& in) {
  user_send send{.to = in.name("to", limits::user_bytes_max),
                 .event = in.name("event", limits::event_bytes_max),
                 .body = in.document("payload"),
                 .id = in.message_id_or_empty("id"),
                 .ttl_s = {}};
  constexpr std::uint32_t unstated = 0;
  const auto ttl = in.between("ttl_s", limits::ttl_s_min, limits::ttl_s_max, unstated);
  if (ttl != unstated) send.ttl_s = ttl;
  return send;
}
call read_inbox_ack(params_reader& in) { return inbox_ack{.upto = in.natural("upto")}; }
call read_presence_set(params_reader& in) {
  return presence_set{.status = in.label("status", limits::status_bytes_max),
                      .location = in.label_or_empty("location", limits::location_bytes_max),
                      .meta = in.document_if_any("meta", limits::presence_bytes_max)};
}
std::vector<std::string> read_users(params_reader& in) {
  return in.names("users", limits::user_bytes_max, limits::users_per_call_max);
}
call read_presence_get(params_reader& in) { return presence_get{.users = read_users(in)}; }
call read_presence_watch(params_reader& in) { return presence_watch{.users = read_users(in)}; }
call read_presence_unwatch(params_reader& in) { return presence_unwatch{.users = read_users(in)}; }
call read_presence_online(params_reader& in) {
  return presence_online{.after = in.name_or_empty("after", limits::user_bytes_max),
                         .limit = in.between("limit", 1, limits::page_max, presence_online{}.limit)};
}
call read_service_register(params_reader& in) {
  service_register reg{.methods = in.worker_methods("methods"), .capacity = {}};
  reg.capacity = in.between("capacity", 1, limits::worker_capacity_max, service_register{}.capacity);
  return reg;
}
call read_service_unregister(params_reader& in) {
  return service_unregister{.methods =
                                in.names_if_any("methods", limits::method_bytes_max, limits::methods_per_call_max)};
}
call read_discover(params_reader&) { return discover{}; }

constexpr field room{"room", shape::text, need::required, limits::room_bytes_max};
constexpr field event{"event", shape::text, need::required, limits::event_bytes_max};
constexpr field payload_field{"payload", shape::any};
constexpr field message_id{"id", shape::text, need::optional, limits::message_id_bytes_max};
constexpr field token{"token", shape::text, need::required, limits::token_bytes_max};
constexpr field limit{"limit", shape::natural, need::optional, limits::page_max};

constexpr field open_params[] = {{"token", shape::text, need::optional, limits::token_bytes_max},
                                 {"client", shape::text, need::optional, limits::client_bytes_max},
                                 {"user", shape::text, need::optional, limits::user_bytes_max},
                                 {"resume", shape::resume, need::optional}};
constexpr field open_result[] = {{"session", shape::text},
                                 {"user", shape::text},
                                 {"resume_token", shape::text},
                                 {"resumed", shape::flag},
                                 {"reason", shape::text, need::optional},
                                 {"rooms", shape::list},
                                 {"limits", shape::object},
                                 {"heartbeat", shape::object},
                                 {"time", shape::natural}};
constexpr field refresh_params[] = {token};
constexpr field refresh_result[] = {{"expires_at", shape::natural}};
constexpr field join_params[] = {
    room, {"since", shape::position, need::optional}, {"presence", shape::any, need::optional}};
constexpr field join_result[] = {{"room", shape::text},
                                 {"epoch", shape::text},
                                 {"seq", shape::natural},
                                 {"members", shape::natural},
                                 {"recovered", shape::flag, need::optional},
                                 {"reason", shape::text, need::optional},
                                 {"missed", shape::list, need::optional}};
constexpr field leave_params[] = {room};
constexpr field publish_params[] = {
    room, event, payload_field, message_id, {"ack", shape::ack, need::optional}, {"echo", shape::flag, need::optional}};
constexpr field publish_result[] = {{"id", shape::text},
                                    {"epoch", shape::text},
                                    {"seq", shape::natural},
                                    {"ack", shape::ack},
                                    {"duplicate", shape::flag, need::optional}};
constexpr field history_params[] = {
    room, {"before", shape::natural, need::optional}, {"after", shape::natural, need::optional}, limit};
constexpr field history_result[] = {
    {"epoch", shape::text}, {"first", shape::natural}, {"last", shape::natural}, {"messages", shape::list}};
constexpr field members_params[] = {room, {"after", shape::text, need::optional, limits::user_bytes_max}, limit};
constexpr field members_result[] = {
    {"total", shape::natural}, {"members", shape::list}, {"next", shape::text, need::optional}};
constexpr field send_params[] = {{"to", shape::text, need::required, limits::user_bytes_max},
                                 event,
                                 payload_field,
                                 message_id,
                                 {"ttl_s", shape::natural, need::optional, limits::ttl_s_max}};
constexpr field send_result[] = {{"id", shape::text}, {"ack", shape::ack}, {"duplicate", shape::flag, need::optional}};
constexpr field ack_params[] = {{"upto", shape::natural}};
constexpr field ack_result[] = {{"upto", shape::natural}, {"left", shape::natural}};
constexpr field register_params[] = {{"methods", shape::list},
                                     {"capacity", shape::natural, need::optional, limits::worker_capacity_max}};
constexpr field unregister_params[] = {{"methods", shape::list, need::optional}};
constexpr field registered_result[] = {{"worker", shape::text}, {"methods", shape::list}};

constexpr field presence_params[] = {{"status", shape::text, need::required, limits::status_bytes_max},
                                     {"location", shape::text, need::optional, limits::location_bytes_max},
                                     {"meta", shape::any, need::optional}};
constexpr field users_params[] = {{"users", shape::names, need::required, limits::users_per_call_max}};
constexpr field users_result[] = {{"users", shape::object}};
constexpr field online_params[] = {{"after", shape::text, need::optional, limits::user_bytes_max}, limit};
constexpr field online_result[] = {
    {"total", shape::natural}, {"users", shape::names}, {"next", shape::text, need::optional}};

constexpr method table[] = {
    {"session.open", "Opens a session, or resumes one.", open_params, open_result, read_session_open},
    {"session.refresh", "Replaces the token of the session by a newer one of the same user.", refresh_params,
     refresh_result, read_session_refresh},
    {"session.close", "Ends the session and closes the connection.", {}, {}, read_session_close},
    {"room.join", "Joins a room, with everything since a position where one is given.", join_params, join_result,
     read_room_join},
    {"room.leave", "Leaves a room.", leave_params, {}, read_room_leave},
    {"room.publish", "Gives a message to everybody in a room.", publish_params, publish_result, read_room_publish},
    {"room.history", "Reads a room's kept messages, the oldest first.", history_params, history_result,
     read_room_history},
    {"room.members", "Lists the users in a room, in pages.", members_params, members_result, read_room_members},
    {"user.send", "Gives a message to one user, kept until the user acknowledges it.", send_params, send_result,
     read_user_send},
    {"inbox.ack", "Acknowledges the inbox up to a number.", ack_params, ack_result, read_inbox_ack},
    {"presence.set", "Says what others see of this session wherever it is.", presence_params, {}, read_presence_set},
    {"presence.get", "Answers who of these users is there.", users_params, users_result, read_presence_get},
    {"presence.watch", "Answers the same, and tells when it changes.", users_params, users_result, read_presence_watch},
    {"presence.unwatch", "Ends that.", users_params, users_result, read_presence_unwatch},
    {"presence.online", "Lists the users who are there, in pages.", online_params, online_result, read_presence_online},
    {"service.register", "Answers methods for others: the node sends their calls to this connection.", register_params,
     registered_result, read_service_register},
    {"service.unregister", "Takes no more calls of these methods, and answers when those it had are answered.",
     unregister_params, registered_result, read_service_unregister},
    {"rpc.discover", "Answers this document.", {}, {}, read_discover},
};
static_assert(std::is_same_v<std::variant_alternative_t<std::size(table), call>, other>,
              "every call before `other` has a row");

}  // namespace

std::span<const method> methods() noexcept { return table; }

const method* find_method(std::string_view name) noexcept {
  for (const auto& m : table) {
    if (m.name == name) return &m;
  }
  return nullptr;
}

}  // namespace greenroom::codecs
