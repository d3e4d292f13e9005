#include "clients/visit.hpp"

#include "clients/json_text.hpp"

namespace greenroom::clients {

visit::visit(const target& node, on_signal signals, client::handler on_notification)
    : on_notification_{std::move(on_notification)},
      client_{{.url = node.url, .format = node.format, .timeout = node.timeout, .signals = signals},
              [this](std::string_view method, std::string_view params) {
                if (on_notification_) on_notification_(method, params);
              }} {
  if (!node.user.empty() || !node.token.empty()) open(node);
}

visit::~visit() {
  on_notification_ = {};
  if (user_.empty()) return;  // an implicit session ends with its connection
  try {
    client_.call("session.close", "{}");
  } catch (const failure&) {  // the connection is gone already; the session ends with its resume window
  }
}

void visit::open(const target& node) {
  object_text params;
  params.text("client", "greenroom command line");
  if (!node.token.empty()) params.text("token", node.token);
  if (!node.user.empty()) params.text("user", node.user);
  user_ = object_members{call("session.open", params.str())}.text("user");
}

std::string visit::call(std::string_view method, std::string_view params) {
  auto got = client_.call(method, params);
  if (got.failure) throw refusal{*got.failure};
  return std::move(got.result);
}

}  // namespace greenroom::clients
