#pragma once
#include <cstddef>
#include <cstdint>

/// What a codec accepts. The numbers are those of docs/protocol.md; a reader checks them before anything is allocated
/// for the input.
namespace greenroom::codecs::limits {

inline constexpr std::size_t depth_max = 32;              ///< nested arrays and objects, the outermost counted
inline constexpr std::size_t elements_max = 10'000;       ///< values in one message, keys not counted
inline constexpr std::size_t batch_max = 128;             ///< calls in one JSON-RPC batch
inline constexpr std::size_t request_id_bytes_max = 256;  ///< an id as it stands in the request
inline constexpr std::size_t method_bytes_max = 128;
inline constexpr std::size_t room_bytes_max = 255;
inline constexpr std::size_t event_bytes_max = 128;
inline constexpr std::size_t user_bytes_max = 128;
inline constexpr std::size_t message_id_bytes_max = 64;  ///< printable ASCII
inline constexpr std::size_t users_per_call_max = 1'000;

}  // namespace greenroom::codecs::limits
