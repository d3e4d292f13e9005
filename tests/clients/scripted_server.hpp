#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

/// A WebSocket server for one connection that does what a test says, right or wrong: the node's part in the tests of
/// the client. It runs on a thread of its own and ends with the object.
namespace greenroom::test {

class scripted_server {
 public:
  /// The connection as the script sees it. All of it blocks.
  class peer {
   public:
    virtual ~peer() = default;
    virtual std::string read() = 0;  ///< the next message; empty when the client left
    virtual void text(const std::string& message) = 0;
    virtual void close(std::uint16_t code, const std::string& reason) = 0;
    virtual void drop() = 0;                  ///< the TCP connection, without a close frame
    virtual std::string offered() const = 0;  ///< Sec-WebSocket-Protocol as the client sent it
  };
  using script = std::function<void(peer&)>;

  /// What is answered to the upgrade: 101 with the first offered subprotocol, or something else.
  enum class upgrade { accept, forbid, accept_without_subprotocol, not_http };

  explicit scripted_server(script run, upgrade how = upgrade::accept);
  ~scripted_server();
  std::string url() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace greenroom::test
