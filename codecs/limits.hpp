#pragma once
#include <cstddef>
#include <cstdint>

/// What a codec accepts. The numbers are those of docs/protocol.md; a reader checks them before anything is allocated
/// for the input.
namespace greenroom::codecs::limits {

inline constexpr std::size_t depth_max = 32;              ///< nested arrays and objects, the outermost counted
inline constexpr std::size_t trusted_depth_max = 128;     ///< of what a node made itself; readers and writers recurse
inline constexpr std::size_t elements_max = 10'000;       ///< values in one message, keys not counted
inline constexpr std::size_t batch_max = 128;             ///< calls in one JSON-RPC batch
inline constexpr std::size_t request_id_bytes_max = 256;  ///< an id as it stands in the request
inline constexpr std::size_t method_bytes_max = 128;
inline constexpr std::size_t room_bytes_max = 255;
inline constexpr std::size_t event_bytes_max = 128;
inline constexpr std::size_t user_bytes_max = 128;
inline constexpr std::size_t message_id_bytes_max = 64;   ///< printable ASCII
inline constexpr std::size_t users_per_call_max = 1'000;  ///< of presence.get, presence.watch and presence.unwatch
inline constexpr std::size_t status_bytes_max = 128;
inline constexpr std::size_t location_bytes_max = 255;
inline constexpr std::size_t presence_bytes_max = 4'096;  ///< what a session shows of itself: `meta`, `presence`
inline constexpr std::size_t epoch_bytes_max = 64;
inline constexpr std::size_t token_bytes_max = 8 * 1024;  ///< tokens, session ids and resume tokens
inline constexpr std::size_t client_bytes_max = 256;      ///< what a client says of itself in session.open
inline constexpr std::size_t positions_max = 128;         ///< rooms in one resume: as many as a session may have
inline constexpr std::size_t methods_per_call_max = 128;  ///< in one service.register
inline constexpr std::size_t summary_bytes_max = 512;     ///< what a worker says of a method
inline constexpr std::size_t schema_bytes_max = 16 * 1024;
inline constexpr std::uint32_t worker_capacity_max = 1'000;  ///< requests that a worker may take at a time
inline constexpr std::uint32_t page_max = 1'000;  ///< `limit` of room.history, room.members and presence.online
inline constexpr std::uint32_t ttl_s_min = 1, ttl_s_max = 30 * 24 * 3600;

/// A MessagePack string that declares more than this, and more than there is, is a lie and not a cut-off message.
inline constexpr std::size_t declared_bytes_max = 64 * 1024;

/// In the path of a bad member, a longer key stands as "…".
inline constexpr std::size_t path_segment_bytes_max = 64;

/// A thread keeps its buffers from one message to the next unless one message made them larger than this.
inline constexpr std::size_t scratch_keep_bytes_max = 2 * 1024 * 1024;

}  // namespace greenroom::codecs::limits
