/// ENGINE is a whole node in one object: the composition root that makes the store, the shards and the supervisor tree
/// of docs/architecture.md, and takes them down in the order that loses nothing.
///
///   engine node{config, version, extensions};   // data directory locked, ports probed, tree started: it accepts
///   node.wait();                    // until request_stop(), or until supervision gave up
///   node.stop();                    // tells clients, lets queued frames leave, closes 1012 in batches, ends the tree
///
/// Threading: one thread owns it; request_stop() and request_reload() from any thread.
/// Failure: the constructor throws bad_config, std::system_error or std::runtime_error with a sentence; outcome::gave_up when the
///   root supervisor had to give up.
#pragma once
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "actors/extensions.hpp"
#include "runtime/config.hpp"

namespace greenroom {

/// A setting that only a node can judge: a plugin that does not fit, a behaviour that nobody registered.
struct bad_config : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class engine {
 public:
  enum class outcome : std::uint8_t { stopped, gave_up };

  engine(const runtime::config& config, std::string version, extensions mine = {});
  ~engine();
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;

  /// Where it listens, ports resolved.
  std::vector<std::string> addresses() const;
  /// The same as "http://…" and "https://…".
  std::vector<std::string> urls() const;

  /// False where supervision gave up during the start: wait() says so.
  bool accepts() const noexcept;

  void request_stop() noexcept;
  /// What may change while it runs is read again: the certificates. Carried out by `wait`. Any thread.
  void request_reload() noexcept;
  /// Blocks until request_stop() or until supervision gave up.
  outcome wait();
  /// Ends the node within config node.stop_timeout_ms; what has not ended by then is logged and cut off.
  void stop();

 private:
  struct parts;
  std::unique_ptr<parts> parts_;
};

}  // namespace greenroom
