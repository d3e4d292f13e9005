#include "codecs/outcome.hpp"

namespace greenroom::codecs {
namespace {

const char* sentence_of(error_code code) {
  switch (code) {
    case error_code::parse: return "The message is not well formed.";
    case error_code::invalid_request: return "The message is no JSON-RPC 2.0 request.";
    case error_code::method_not_found: return "There is no such method.";
    case error_code::invalid_params: return "A parameter is missing or not acceptable.";
    case error_code::internal: return "The request failed inside the server; the log has more under this trace id.";
    case error_code::unauthenticated: return "The request needs a valid token.";
    case error_code::forbidden: return "The user may not do this.";
    case error_code::rate_limited: return "Too many requests; try again later.";
    case error_code::not_found: return "There is no such thing.";
    case error_code::conflict: return "The request contradicts an earlier one.";
    case error_code::too_large: return "The message is too large.";
    case error_code::queue_full: return "The receiver's queue is full.";
    case error_code::unavailable: return "The service is not available at the moment.";
    case error_code::timed_out: return "The request took too long; whether it took effect is unknown.";
    case error_code::draining: return "The server is about to stop; reconnect and repeat.";
  }
  return "The request failed.";
}

}  // namespace

error make_error(error_code code, std::string message) {
  error e;
  e.code = code;
  e.message = message.empty() ? std::string{sentence_of(code)} : std::move(message);
  return e;
}

}  // namespace greenroom::codecs
