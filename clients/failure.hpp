#pragma once
#include <cstdint>
#include <string>
#include <system_error>

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

const std::error_category& category() noexcept;
std::error_code make_error_code(errc code) noexcept;

/// Thrown by client and ask_node. what() is a sentence for the person at the terminal.
class failure : public std::runtime_error {
 public:
  failure(errc code, const std::string& sentence, unsigned status = 0);
  errc code() const noexcept { return code_; }
  unsigned status() const noexcept { return status_; }  ///< HTTP status or close code, 0 where there is none

 private:
  errc code_;
  unsigned status_;
};

}  // namespace greenroom::clients

template <>
struct std::is_error_code_enum<greenroom::clients::errc> : std::true_type {};
