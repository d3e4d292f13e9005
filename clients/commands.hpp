#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clients/client.hpp"
#include "clients/payload_argument.hpp"
#include "clients/terminal.hpp"

/// The command line's client half, one function a command; command_line.hpp gives them names and options. Each
/// connects, does its work, closes its session and returns the exit code; failures are thrown to run_command.
namespace greenroom::clients {

enum class output : std::uint8_t { human, json };  ///< json: one document a line

/// The node and who asks. Without user and token the first call opens a session implicitly, where the node allows it.
struct target {
  std::string url{limits::default_url};
  std::string user;  ///< the name an anonymous client gives itself, where the node runs with --dev
  std::string token;
  codecs::format format = codecs::format::json;
  std::chrono::milliseconds timeout = limits::timeout_default;
};

struct pub_options {
  target node;
  std::string room, event, payload;
  payload_kind kind = payload_kind::json;
  std::string id;
  bool durable = false, echo = true;
  output as = output::human;
};
exit_code pub(const pub_options& what, terminal& to);

struct sub_options {
  target node;
  std::vector<std::string> rooms;
  std::optional<std::uint64_t> count;  ///< ends after so many messages
  output as = output::human;
};
exit_code sub(const sub_options& what, terminal& to);

struct send_options {
  target node;
  std::string to_user, event, payload;
  payload_kind kind = payload_kind::json;
  std::string id;
  std::optional<std::uint32_t> ttl_s;
  output as = output::human;
};
exit_code send(const send_options& what, terminal& to);

enum class inbox_ack : std::uint8_t { none, printed };

struct inbox_options {
  target node;  ///< node.user is whose inbox it is
  inbox_ack ack = inbox_ack::none;
  bool follow = false;
  output as = output::human;
};
exit_code inbox(const inbox_options& what, terminal& to);

struct call_options {
  target node;
  std::string method, params = "{}";
};
exit_code call(const call_options& what, terminal& to);

/// Asks the node on this machine, through DIR/admin.sock.
struct local_target {
  std::string data_dir{limits::default_data_dir};
  std::chrono::milliseconds timeout = limits::timeout_default;
  output as = output::human;
};
exit_code announce(const local_target& where, const std::string& text, terminal& to);
exit_code status(const local_target& where, terminal& to);
exit_code plugin_list(const local_target& where, terminal& to);
exit_code plugin_reload(const local_target& where, const std::string& plugin, terminal& to);

}  // namespace greenroom::clients
