#include "actors/room_casualties.hpp"

#include <caf/message.hpp>
#include <utility>

#include "actors/behaviour_host.hpp"
#include "actors/context.hpp"
#include "actors/room.hpp"
#include "actors/room_log.hpp"
#include "actors/store_writer.hpp"
#include "actors/stored_message.hpp"
#include "codecs/content_hash.hpp"
#include "runtime/log.hpp"

namespace greenroom {
namespace {

constexpr char not_a_user = '\x01';  // begins the sender of ids that no client chose
constexpr std::string_view from_client{"\x01letter\x01"}, from_server{"\x01server's letter\x01"};

/// Whose its id is: what the node gave to a message is nobody else's, and a replay must be known again all the same.
std::string sender_of(const room::publish& m) {
  if (m.client_id) return m.sender;
  return std::string{m.by == server_party() ? from_server : from_client} + m.draft->room;
}

storage::dead_put letter_of(const room::publish& m, const std::string& event, const codecs::payload_ptr& payload,
                            const context& ctx) {
  auto sent = *m.draft;
  sent.event = event;
  sent.body = payload;
  return {.room = sent.room,
          .body = std::make_shared<const std::string>(codecs::to_stored(sent)),
          .now_ms = ctx.now_ms(),
          .once = {sender_of(m), sent.id, codecs::content_hash("room.publish", sent.room, event, *payload)},
          .kind = m.by ? m.by->kind : identity::authenticated,
          .rest = rest_of(ctx, ctx.policies.of(sent.room))};
}

}  // namespace

void room_casualties::fell(const room::publish& m, const std::string& event, const codecs::payload_ptr& payload,
                           judgement so_far) {
  known_ = true;
  if (!log_.on_disk() || so_far == judgement::answered) return;       // its sender knows what became of it
  if (so_far == judgement::accepted && log_.gathered() == 0) return;  // it is with the writer, and will be stored
  runtime::log::warn("a message that its room failed on becomes a dead letter",
                     {runtime::log::room(m.draft->room), {"message", m.draft->id}});
  store_writer::post(self_, ctx_, letter_of(m, event, payload, ctx_));
}

void room_casualties::fell(const caf::message& cause) {
  if (known_ || !cause.match_elements<room::publish>()) return;
  const auto& m = cause.get_as<room::publish>(0);
  if (m.draft && m.draft->body) fell(m, m.draft->event, m.draft->body, judgement::none);
}

std::optional<room::publish> published_again(const storage::dead_letter& letter, answer reply) {
  const auto stored = stored_message(letter.body, letter.room, {}, 0, 0);
  if (!stored) return std::nullopt;
  const bool servers = letter.sender.starts_with(not_a_user) && !letter.sender.starts_with(from_client);
  auto by =
      servers ? server_party()
              : std::make_shared<const party>(party{.user = user_id{stored->from}, .session = {}, .kind = letter.kind});
  return room::publish{.draft = std::make_shared<codecs::envelope>(*stored),
                       .wanted = codecs::ack_level::unstated,
                       .sender = letter.sender,
                       .client_id = true,
                       .except = incarnation::none,
                       .except_session = {},
                       .by = std::move(by),
                       .reply = std::move(reply)};
}

}  // namespace greenroom
