#pragma once
#include <cstdint>
#include <string>
#include <string_view>

/// What a person reads on the terminal. Payloads stand there as their sender spelled them; nothing in a message can
/// move the cursor or colour the terminal.
namespace greenroom::clients {

/// `[lobby] #17 ann chat {"text":"hi"}` from the params of room.message.
std::string describe_room_message(std::string_view params);

/// `#4 ann alarm {"at":"noon"}` from the params of inbox.message.
std::string describe_inbox_message(std::string_view params);

/// `room.notice lobby: dropped {"from":3,"to":7}` and the like, from the params of any other notification.
std::string describe_notification(std::string_view method, std::string_view params);

/// The supervisor tree, a line a child, indented; from the answer of {"command":"tree"}.
std::string describe_tree(std::string_view tree);

/// `bob: 3 messages, 1.2 KiB, the oldest 4 h old, 1 session`; from an entry of queue_list.
std::string describe_inbox(std::string_view entry, std::int64_t now_ms);

/// `#4 ann alarm {"at":"noon"} (4 h old, expires in 6 d, 2 attempts)`, a long payload shortened; from an entry of
/// queue_show.
std::string describe_waiting_message(std::string_view entry, std::int64_t now_ms);

/// `17 bob expired 3 d ago: ann alarm {"at":"noon"}`; from an entry of dead_list.
std::string describe_dead_letter(std::string_view entry, std::int64_t now_ms);

/// A length of time in its largest whole unit: `4 h`.
std::string describe_time(std::int64_t ms);

/// 1.5 KiB, 20 MiB.
std::string describe_bytes(std::uint64_t bytes);

/// The plugins of a node, a line each; from the answer of {"command":"plugins"}.
std::string describe_plugins(std::string_view answer);

}  // namespace greenroom::clients
