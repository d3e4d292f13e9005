/// HTTP_SHARDS knows which HTTP server serves on which shard, and takes a connection from one to another with the request
/// that it has just sent: the kernel gives a new connection to any shard, the state that a request needs lives on one.
///
///   server A ──send()──▶ posted to shard B ──▶ server B serves it, and reads what follows
///                                │ no server there (its gateway restarts)
///                                └──▶ back to shard A, which answers 503 with Retry-After
///
/// Lifecycle: one a node, shared by its servers and by what is on its way. A server enters on its shard and leaves when it
/// goes. Threading: `send` from any shard; `enter` and `leave` on the server's. Bounds: `underway_max` connections on
/// their way to one shard; one more is answered with 503 where it is. Failure: what is on its way to a shard that has
/// left is closed, unanswered: the node is stopping. Where neither end has a server, the 503 is written without one, and
/// no access log hears of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace greenroom::runtime {

class shard;
struct moved_connection;
using moved_connection_ptr = std::unique_ptr<moved_connection, void (*)(moved_connection*)>;

class http_shards : public std::enable_shared_from_this<http_shards> {
 public:
  static constexpr std::uint32_t underway_max = 1'024;

  /// What takes the connections that come to a shard.
  class server {
   public:
    virtual void on_arrival(moved_connection_ptr what) = 0;

   protected:
    ~server() = default;
  };

  /// `shards`: the node's, in the order of their numbers.
  explicit http_shards(std::vector<shard*> shards);
  ~http_shards();
  http_shards(const http_shards&) = delete;
  http_shards& operator=(const http_shards&) = delete;

  void enter(std::size_t shard, server& which);
  void leave(std::size_t shard, const server& which) noexcept;  ///< No effect once another one has entered.

  /// False: there is no such shard, or too many are on their way to it; `what` is as it was.
  bool send(std::size_t to, moved_connection_ptr& what);

 private:
  struct door;
  class passage;

  void arrive(std::size_t at, moved_connection_ptr what);

  std::vector<std::unique_ptr<door>> doors_;
};

}  // namespace greenroom::runtime
