#include "clients/exit_code.hpp"

namespace greenroom::clients {

exit_code exit_code_of(codecs::error_code answered) noexcept {
  using enum codecs::error_code;
  switch (answered) {
    case unauthenticated:
    case forbidden: return exit_code::no_permission;
    case rate_limited:
    case queue_full:
    case unavailable:
    case timed_out:
    case draining: return exit_code::try_again;
    case internal: return exit_code::internal;
    case parse:
    case invalid_request:
    case method_not_found:
    case invalid_params:
    case not_found:
    case conflict:
    case too_large: return exit_code::bad_data;
  }
  return exit_code::bad_data;  // a service's own number: it refused this request
}

exit_code exit_code_of(const failure& why) noexcept {
  constexpr unsigned unauthorized = 401, forbidden = 403;
  switch (why.code()) {
    case errc::success: return exit_code::ok;
    case errc::bad_url: return exit_code::usage;
    case errc::unreachable: return exit_code::unavailable;
    case errc::refused:
      return why.status() == unauthorized || why.status() == forbidden ? exit_code::no_permission
                                                                       : exit_code::unavailable;
    case errc::timed_out:
    case errc::closed: return exit_code::try_again;
    case errc::garbled: return exit_code::unavailable;
    case errc::interrupted: return exit_code::ok;
  }
  return exit_code::internal;
}

const char* exit_codes_help() noexcept {
  return "Exit codes:\n"
         "  0   done\n"
         "  64  the command line is not right\n"
         "  65  the node refused the request, or a payload is no JSON\n"
         "  66  a file cannot be read\n"
         "  69  no node there, or it refused the connection\n"
         "  70  the node failed inside\n"
         "  74  the output cannot be written\n"
         "  75  timed out, draining, rate limited, queue full, closed by the node: try again\n"
         "  77  no permission";
}

}  // namespace greenroom::clients
