#pragma once
#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "clients/commands.hpp"
#include "clients/terminal.hpp"

/// The commands about who may come: API keys, and what is taken back. They ask the running node through DIR/admin.sock.
namespace CLI {
class App;
}

namespace greenroom::clients {

struct key_options {
  local_target where;
  std::string user, note, id;
  std::vector<std::string> scopes;
  std::vector<std::string> grants;  ///< as grant_object reads them
  std::chrono::seconds lasts{};     ///< 0: for ever
};
exit_code key_add(const key_options& what, terminal& to);
exit_code key_list(const key_options& what, terminal& to);
exit_code key_revoke(const key_options& what, terminal& to);

struct revoke_options {
  local_target where;
  std::string kind, name, note;
  std::chrono::seconds lasts{};  ///< 0: what the node takes for that
};
exit_code revoke(const revoke_options& what, terminal& to);
exit_code revoke_list(const revoke_options& what, terminal& to);
exit_code revoke_undo(const revoke_options& what, terminal& to);

/// `rooms=chat:*,lobby actions=join,publish methods=market.* users=*` as the JSON that the node takes. Throws
/// std::invalid_argument with what is wrong with it.
std::string grant_object(std::string_view text);

/// `0123456789ab ann worker, made 3 d ago, expires in 87 d, last used 4 h ago: billing`; from an entry of key_list.
std::string describe_key(std::string_view entry, std::int64_t now_ms);

/// `user ann, 3 d ago, for 27 d more: left us`; from an entry of revoke_list.
std::string describe_revocation(std::string_view entry, std::int64_t now_ms);

/// As add_commands (command_line.hpp), for key and revoke.
void add_access_commands(CLI::App& app, std::function<int()>& chosen);

}  // namespace greenroom::clients
