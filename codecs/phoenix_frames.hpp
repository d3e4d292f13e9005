#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "codecs/outcome.hpp"

/// Phoenix's serializer v2 out: `[join_ref, ref, topic, event, payload]` as text, and three kinds of binary frames whose
/// header holds the lengths of the names in a byte each. What has bytes for a payload is binary; where a name is longer
/// than 255 bytes, or a ref has to stand in a frame that has none, it is text with `{"$bytes": base64}`.
///
/// Everything here appends whole WebSocket frames.
namespace greenroom::codecs::phoenix {

inline constexpr std::size_t binary_name_bytes_max = 255;
enum class frame_type : std::uint8_t { push = 0, reply = 1, broadcast = 2 };  ///< the first byte of a binary frame

/// What a client calls a message or a join by. Clients of Phoenix say texts; a number is given back as it came.
struct ref {
  enum class sort : std::uint8_t { none, text, number } is = sort::none;
  std::string content{};
  bool operator==(const ref&) const = default;
};

/// What a binary payload carries; empty where it is any other document.
std::optional<std::string_view> bytes_of(const payload& what);

/// `json`: a document. `join`, `which`: null where none.
void append_text(std::string& out, const ref& join, const ref& which, std::string_view topic, std::string_view event,
                 std::string_view json);
void append_push(std::string& out, const ref& join, std::string_view topic, std::string_view event,
                 const payload_ptr& what);
void append_broadcast(std::string& out, std::string_view topic, std::string_view event, const payload& what);
/// `json`: a document, the whole response.
void append_reply(std::string& out, const ref& join, const ref& which, std::string_view topic, std::string_view status,
                  std::string_view json);
void append_reply(std::string& out, const ref& join, const ref& which, std::string_view topic, std::string_view status,
                  const payload_ptr& what);  ///< null: `{}`
/// phx_close and phx_error name the join that is over twice, as Phoenix has it.
void append_end(std::string& out, const ref& join, std::string_view topic, std::string_view event,
                std::string_view why);

/// A room's message. An event that phoenix.js acts upon itself (`phx_…`, `chan_reply_…`), and those of presence and of
/// the position where a user sends them, come as event `greenroom_message` with the whole message.
void append_message(std::string& out, const envelope& message);
void append_position(std::string& out, const envelope& last);

/// The body of a binary frame of ours as the text of the same message, for a transport that carries text only.
std::string text_of(std::string_view binary);

// Presence in the words of phoenix.js' `Presence`: `{USER: {metas: [{...meta, phx_ref, phx_ref_prev}]}}`.
std::string presence_of(const std::vector<results::member>& users);
std::string phx_ref(std::uint64_t number);

}  // namespace greenroom::codecs::phoenix
