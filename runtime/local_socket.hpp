/// LOCAL_SOCKET is how the command line talks to a running node on the same machine: a Unix stream socket with mode
/// 0600, one request a line, answers as lines.
///
/// Lifecycle: made on its shard, removes its file when destroyed. A file that a dead node left is replaced; one that is
/// answered makes the constructor throw `std::system_error`.
/// Threading: the server on its shard; `local_call` blocks and belongs to the client's process.
/// Bounds: `line_bytes_max` (a longer line ends the connection), `peers_max` at once (more wait in the backlog), the
/// outbox's.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace greenroom::runtime {

class shard;

/// One client. Held by whoever answers it; its answers are dropped once the client left.
class local_peer {
 public:
  virtual ~local_peer() = default;
  virtual void send_line(std::string_view line) = 0;  ///< Without the newline.
  virtual void close() = 0;                           ///< What was sent leaves first.
  /// The user and the process at the other end, as the kernel knows them; -1: it does not.
  virtual std::int64_t user() const { return -1; }
  virtual std::int64_t process() const { return -1; }
};

struct local_socket_options {
  std::uint32_t line_bytes_max = 64U << 10;
  std::uint32_t peers_max = 16;
};

class local_socket {
 public:
  using line_function = std::function<void(const std::shared_ptr<local_peer>&, std::string_view line)>;

  local_socket(shard& home, std::string path, line_function on_line, local_socket_options options = {});
  ~local_socket();
  local_socket(const local_socket&) = delete;
  local_socket& operator=(const local_socket&) = delete;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Sends one line and gives every answered line to `on_line` until it says false, the node closes, or `timeout` passes
/// without a line. Throws `std::system_error`: nobody listens there, or the time is over.
void local_call(const std::string& path, std::string_view line, const std::function<bool(std::string_view)>& on_line,
                std::chrono::milliseconds timeout);

}  // namespace greenroom::runtime
