#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "clients/exit_code.hpp"
#include "clients/terminal.hpp"
#include "codecs/jwt_key.hpp"

/// `greenroom token`: a token for development, where no login service signs them yet. It talks to no node.
namespace CLI {
class App;
}

namespace greenroom::clients {

struct token_options {
  std::string key_file;  ///< a private key as PEM, or a secret
  codecs::jwt_algorithm alg = codecs::jwt_algorithm::es256;
  std::string subject, kid, issuer;
  std::vector<std::string> audiences;
  std::vector<std::string> claims;  ///< NAME=JSON, or NAME=TEXT
  std::vector<std::string> roles, scopes;
  std::vector<std::string> grants;  ///< JSON objects: {"rooms": [], "actions": [], "methods": [], "users": []}
  std::chrono::seconds ttl{std::chrono::hours{1}};
};

/// Prints the token, and a line end. Throws payload_failure or std::invalid_argument where the key or a claim is not
/// what it must be.
exit_code mint_token(const token_options& what, std::uint64_t now_s, terminal& to);

/// As add_commands (command_line.hpp).
void add_token_command(CLI::App& app, std::function<int()>& chosen);

}  // namespace greenroom::clients
