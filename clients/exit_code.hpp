#pragma once
#include "clients/failure.hpp"
#include "codecs/outcome.hpp"

/// How the command line ends: the numbers of sysexits.h, so that scripts can tell "try again" from "do not".
namespace greenroom::clients {

enum class exit_code : int {
  ok = 0,
  usage = 64,        ///< the command line is not right
  bad_data = 65,     ///< the node refused the request, or a payload is no JSON
  no_input = 66,     ///< a file given as @file cannot be read
  unavailable = 69,  ///< no node there, or it refused the connection
  internal = 70,     ///< the node (or this program) failed inside
  output_gone = 74,  ///< standard output cannot be written, and is no closed pipe
  try_again = 75,    ///< timed out, draining, rate limited, queue full, closed by the node: later it may work
  no_permission = 77,
  config = 78,  ///< the node's config is not right
};

exit_code exit_code_of(codecs::error_code answered) noexcept;
exit_code exit_code_of(const failure& why) noexcept;

/// The client commands' part of the table above as text, for --help.
const char* exit_codes_help() noexcept;

}  // namespace greenroom::clients
