#pragma once
#include <string>

#include "clients/command_options.hpp"
#include "clients/operator_commands.hpp"

/// `greenroom secrets …`: what is kept secret in the database of the node on this machine, and the keys that encrypt it.
/// They ask the running node through DIR/admin.sock; a value goes in by standard input and never comes out.
namespace greenroom::clients {

struct secret_options {
  local_target where;
  std::string name;
  paging page;
};
exit_code secret_put(const secret_options& what, terminal& to);
exit_code secret_list(const secret_options& what, terminal& to);
exit_code secret_erase(const secret_options& what, terminal& to);
exit_code secret_rotate(const secret_options& what, terminal& to);  ///< returns when the rotation has ended
exit_code secret_status(const secret_options& what, terminal& to);

/// A fresh key for secrets.keys: 32 random bytes as base64.
exit_code new_secret_key(terminal& to);

void add_secret_commands(CLI::App& app, chosen_command& chosen);

}  // namespace greenroom::clients
