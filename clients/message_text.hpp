#pragma once
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

/// The plugins of a node, a line each; from the answer of {"command":"plugins"}.
std::string describe_plugins(std::string_view answer);

}  // namespace greenroom::clients
