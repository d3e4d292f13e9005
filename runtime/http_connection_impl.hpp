/// HTTP_CONNECTION serves the requests of one client, one after the other, until a request becomes a WebSocket or an
/// end comes. Private to runtime's sources.
///
///   resting ─▶ head ─▶ body ─▶ serving ─▶ (draining output) ─▶ resting        each with its deadline
///      └── refused, Connection: close, drained, a deadline ──▶ ended          a handshake ──▶ handed over
///
/// Threading: its shard's. Bounds: `http_limits`; while a request is served nothing is read, so pipelined ones wait in
/// at most one read-ahead block and the kernel. Failure: a broken connection forgets its exchange, whose answer is
/// dropped.
#pragma once

#include <memory>

#include "runtime/http.hpp"

namespace greenroom::runtime {

class corked;

class http_connection {
 public:
  /// Who keeps the connections of a shard.
  class owner {
   public:
    virtual void on_gone(http_connection& which) = 0;  ///< Ended or handed over: may be forgotten, from the loop.

   protected:
    ~owner() = default;
  };

  static std::shared_ptr<http_connection> make(std::shared_ptr<corked> link, http_handler& handler,
                                               const http_limits& limits, owner& keeper);
  virtual ~http_connection() = default;

  virtual void start() = 0;
  /// Answers without having read anything, and ends.
  virtual void turn_away(const http_response& answer) = 0;
  virtual void drain() = 0;  ///< Ends now if it rests, else with its next answer.
  virtual void abort() = 0;  ///< Ends without a word, and without `on_gone`.
};

}  // namespace greenroom::runtime
