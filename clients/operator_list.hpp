#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "clients/json_text.hpp"
#include "clients/operator_commands.hpp"

/// What the operators' commands have in common: a request to the node on this machine, and a list that it answers page by
/// page.
namespace greenroom::clients {

/// `{"command": name` for more members.
object_text command(std::string_view name);

/// The node's answer; throws refusal where it refuses.
std::string ask(const local_target& where, const object_text& request);

/// What `after` names.
enum class after_is : std::uint8_t { name, number };

/// Prints each entry of `list` in the answers of that request, as JSON or as `describe` puts it.
exit_code print_list(const local_target& where, const paging& page, after_is key,
                     const std::function<object_text()>& request, std::string_view list,
                     const std::function<std::string(std::string_view entry, std::int64_t now_ms)>& describe,
                     terminal& to);

}  // namespace greenroom::clients
