#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

/// What a client of ours bounds, and what it takes where nobody says anything else.
namespace greenroom::clients::limits {

inline constexpr std::string_view default_url = "ws://127.0.0.1:8080/ws";
inline constexpr std::string_view default_data_dir = "greenroom-data";  ///< as the node's own default

inline constexpr std::chrono::milliseconds timeout_default{10'000};  ///< of connecting and of each call
inline constexpr std::chrono::milliseconds reload_timeout{
    65'000};  ///< of a plugin reload, whose rooms may have to answer first
inline constexpr std::chrono::milliseconds backup_timeout{86'400'000};
inline constexpr std::chrono::milliseconds close_timeout{1'000};  ///< of the polite close at the end
inline constexpr std::chrono::milliseconds inbox_quiet{500};      ///< nothing came for so long: that was all

inline constexpr std::uint32_t list_default = 100;  ///< entries that a list prints where nobody says how many
inline constexpr std::uint32_t list_page = 100;     ///< entries that a node is asked for at a time

inline constexpr std::size_t message_bytes_max = std::size_t{128} << 20;  ///< 1,000 messages of 64 KiB, in JSON
inline constexpr std::size_t payload_bytes_max = std::size_t{16} << 20;   ///< the most a node can be configured to take
inline constexpr std::size_t admin_answer_bytes_max = std::size_t{16} << 20;

}  // namespace greenroom::clients::limits
