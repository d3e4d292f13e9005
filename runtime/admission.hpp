/// ADMISSION is asked about each new connection before anything is read of it, the TLS handshake included. Runtime asks and
/// obeys; who may come in is for others to know.
///
/// Lifecycle: outlives the HTTP server that asks. Threading: its shard's thread. Bounds: of those turned away, at most
/// `http_server_options::refusals_max` at once are told so; further ones are closed without a word, as all are that speak TLS.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "runtime/address.hpp"
#include "runtime/read_limiter.hpp"

namespace greenroom::runtime {

class admission {
 public:
  enum class way : std::uint8_t {
    enter,
    too_many,     ///< From there: 429.
    unavailable,  ///< For anybody: 503.
  };
  struct verdict {
    way what = way::enter;
    std::chrono::milliseconds retry_after{};
    std::shared_ptr<read_limiter>
        reads{};  ///< Of its socket; lives as long as that. Null: it is read as fast as it sends.
  };

  virtual ~admission() = default;
  virtual verdict admit(const socket_end& peer, std::chrono::steady_clock::time_point now) = 0;
};

}  // namespace greenroom::runtime
