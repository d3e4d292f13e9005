#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "clients/failure.hpp"
#include "clients/limits.hpp"
#include "codecs/outcome.hpp"
#include "codecs/payload.hpp"

namespace greenroom::clients {

/// What SIGINT and SIGTERM do while a client lives: what the process had, or end the wait with errc::interrupted.
enum class on_signal : std::uint8_t { untouched, interrupt };

struct client_options {
  std::string url{limits::default_url};
  codecs::format format = codecs::format::json;  ///< of all frames, both ways: greenroom.json.1 or greenroom.msgpack.1
  std::chrono::milliseconds timeout = limits::timeout_default;  ///< of connecting, and of each call
  on_signal signals = on_signal::untouched;
};

/// What the node answered: a result, or its error.
struct answer {
  std::string result;  ///< JSON text; empty in an error answer
  std::optional<codecs::error> failure;
};

/// CLIENT is one connection to a node in the native protocol (docs/protocol.md), blocking: what it calls returns when
/// the answer is there.
///
/// Lifecycle: the constructor connects; the destructor says goodbye (close 1000, for at most a second). There is no
/// reconnecting: whoever wants that makes another client and gives `resume` to session.open.
/// Threading: one thread. The connection is read, pings are answered and notifications are handed over only inside
/// call() and wait_until(); the handler runs on that thread and must not use the client.
/// Bounds: one call at a time; a message of at most limits::message_bytes_max. A request of the node's is answered
/// -32601: there is nothing here that could answer it.
/// Failure: everything but an error answer throws clients::failure. The connection is over then, and every later call
/// throws too; only errc::interrupted out of wait_until leaves it usable. What the handler throws leaves call() or
/// wait_until(), and the connection stands.
class client {
 public:
  /// A notification's method and its params as JSON text, whatever the connection's format is.
  using handler = std::function<void(std::string_view method, std::string_view params)>;

  explicit client(client_options how, handler on_notification = {});
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client();

  /// `params` is a JSON object or list; std::invalid_argument where it is neither.
  answer call(std::string_view method, std::string_view params);

  /// Hands over notifications until `done` says so after one of them, or until the deadline; says which.
  enum class wait_end : std::uint8_t { done, deadline };
  wait_end wait_until(std::chrono::steady_clock::time_point deadline, const std::function<bool()>& done);

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace greenroom::clients
