#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace greenroom::clients {

/// Asks the node on this machine through its administration socket (DIR/admin.sock, mode 0600): one line of JSON there,
/// one line back. Blocks for at most `timeout`; the answer is bounded by limits::admin_answer_bytes_max.
/// Throws failure: unreachable (no node has that directory open, or it is another user's), timed_out, closed, garbled.
std::string ask_node(const std::filesystem::path& socket, std::string_view request, std::chrono::milliseconds timeout);

/// The same of the node with that data directory; throws refusal where it refuses.
std::string ask_node_in(const std::filesystem::path& data_dir, std::string_view request,
                        std::chrono::milliseconds timeout);

}  // namespace greenroom::clients
