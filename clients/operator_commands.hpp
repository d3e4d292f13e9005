#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "clients/commands.hpp"
#include "clients/terminal.hpp"

/// The commands for whoever operates a node: what waits in its inboxes, its dead letters, its backup. They ask the
/// running node through DIR/admin.sock, page by page. What drops something asks first, unless it was told --yes; without
/// a terminal to ask it drops nothing.
namespace greenroom::clients {

/// Which part of a list: at most `limit` entries after `after`, or all that follow.
struct paging {
  std::string after;
  std::uint32_t limit = limits::list_default;
  bool all = false;
};

struct queue_options {
  local_target where;
  std::string user;
  paging page;
  bool yes = false;
};
exit_code queue_list(const queue_options& what, terminal& to);
exit_code queue_show(const queue_options& what, terminal& to);
exit_code queue_replay(const queue_options& what, terminal& to);
exit_code queue_purge(const queue_options& what, terminal& to);

struct dead_options {
  local_target where;
  std::string user, room;  ///< of one of them; both empty: of all
  paging page;
  std::vector<std::uint64_t> letters;
  std::optional<std::uint64_t> upto;
  bool all = false, yes = false;
};
exit_code dead_list(const dead_options& what, terminal& to);
exit_code dead_replay(const dead_options& what, terminal& to);
exit_code dead_purge(const dead_options& what, terminal& to);

struct backup_options {
  local_target where;
  std::string file;
  bool force = false;
};
exit_code backup(const backup_options& what, terminal& to);

}  // namespace greenroom::clients
