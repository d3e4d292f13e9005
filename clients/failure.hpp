#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>

#include "codecs/outcome.hpp"

/// Why a client has no answer. An error that the node answers is no failure: it is part of `answer` (client.hpp).
namespace greenroom::clients {

enum class errc : std::uint8_t {
  success = 0,
  bad_url,      ///< not of the form ws://host:port/path
  unreachable,  ///< no such host, connection refused, no such local socket
  refused,      ///< a server is there, but it answered the upgrade with an HTTP status (failure::status())
  timed_out,
  closed,       ///< the connection ended, politely (failure::status() is the close code) or not (0)
  garbled,      ///< what came is not the protocol
  interrupted,  ///< SIGINT or SIGTERM, where options::signals says so
};

/// Thrown by client and ask_node. what() is a sentence for the person at the terminal.
class failure : public std::runtime_error {
 public:
  failure(errc code, const std::string& sentence, unsigned status = 0)
      : std::runtime_error{sentence}, code_{code}, status_{status} {}
  errc code() const noexcept { return code_; }
  unsigned status() const noexcept { return status_; }  ///< HTTP status or close code, 0 where there is none

 private:
  errc code_;
  unsigned status_;
};

/// The node's error answer, where a command cannot go on with one. Not derived from failure: the connection stands.
class refusal : public std::runtime_error {
 public:
  explicit refusal(const codecs::error& why);
  codecs::error_code code() const noexcept { return code_; }

 private:
  codecs::error_code code_;
};

}  // namespace greenroom::clients
