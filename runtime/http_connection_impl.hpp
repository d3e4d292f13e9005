/// HTTP_CONNECTION serves the requests of one client, one after the other, until a request becomes a WebSocket or an
/// end comes. Private to runtime's sources.
///
///   (a proxy's header) ─▶ (TLS: handshake) ─▶
///   resting ─▶ head ─▶ body ─▶ serving ─▶ (draining output) ─▶ resting        each with its deadline
///      └── refused, Connection: close, drained, a deadline ──▶ ended          a handshake ──▶ handed over
///                        another shard serves the request ──▶ moved           resumed there ──▶ serving
///
/// Threading: its shard's. Bounds: `http_limits`; while a request is served nothing is read, so pipelined ones wait in
/// at most one read-ahead block and the kernel. Failure: a broken connection forgets its exchange, whose answer is
/// dropped.
#pragma once

#include <memory>
#include <string_view>

#include "runtime/http.hpp"
#include "runtime/http_shards.hpp"

namespace greenroom::runtime {

class corked;
struct proxy_rules;

class http_connection {
 public:
  /// Who keeps the connections of a shard.
  class owner {
   public:
    virtual void on_gone(http_connection& which) = 0;  ///< Ended or handed over: may be forgotten, from the loop.
    virtual void on_move(std::size_t to, moved_connection_ptr what) = 0;  ///< After `on_gone`: that shard serves it.
    virtual std::string_view secure_fields() const = 0;  ///< What answers say beside their own where they leave by TLS.
    virtual const proxy_rules& proxies() const = 0;      ///< Whose word on a client counts.

   protected:
    ~owner() = default;
  };

  static std::shared_ptr<http_connection> make(std::shared_ptr<corked> link, http_handler& handler,
                                               const http_limits& limits, owner& keeper);
  virtual ~http_connection() = default;

  virtual void start() = 0;
  /// Instead of `start`: it comes from another shard with a request, as part of `what`, and is answered next, by one of
  /// the two that follow or by `turn_away`.
  virtual void take_over(moved_connection& what) = 0;
  virtual void resume() = 0;                                     ///< The handler answers.
  virtual void answer_instead(const http_response& answer) = 0;  ///< Instead of the handler; goes on with the next one.
  /// Answers without the handler, and ends.
  virtual void turn_away(const http_response& answer) = 0;
  virtual void drain() = 0;              ///< Ends now if it rests, else with its next answer.
  virtual void idle_time_changed() = 0;  ///< Where it rests, it has the new time from now on.
  virtual void abort() = 0;              ///< Ends without a word, and without `on_gone`.
};

}  // namespace greenroom::runtime
