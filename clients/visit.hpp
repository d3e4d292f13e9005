#pragma once
#include <string>
#include <string_view>

#include "clients/client.hpp"
#include "clients/commands.hpp"

namespace greenroom::clients {

/// One command's stay at a node: connects, opens a session where a user or a token is given, and closes it at the end,
/// so that nobody stays on a member list for a resume window because a command ended.
class visit {
 public:
  visit(const target& node, on_signal signals, client::handler on_notification = {});
  visit(const visit&) = delete;
  visit& operator=(const visit&) = delete;
  ~visit();

  /// The result as JSON text; throws refusal for an error answer.
  std::string call(std::string_view method, std::string_view params);
  client& connection() noexcept { return client_; }
  const std::string& user() const noexcept { return user_; }  ///< as the node names it; empty before a session is open

 private:
  void open(const target& node);

  client::handler on_notification_;
  client client_;
  std::string user_;
};

}  // namespace greenroom::clients
