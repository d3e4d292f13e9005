#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "codecs/codec.hpp"
#include "codecs/outcome.hpp"
#include "codecs/payload.hpp"

/// The client's side of the native protocol, for Greenroom's own clients, tests and load generator.
namespace greenroom::codecs {

/// A request (or, without an id, a notification) in that format, unframed. `params_json` is a JSON object or array,
/// transcoded where needed; throws std::invalid_argument where it is not one.
std::string encode_request(format as, std::optional<std::uint64_t> id, std::string_view method,
                           std::string_view params_json);

/// The answer of a client that answers no requests of the server's, -32601: `request` is `incoming::request`.
std::string encode_refusal(format as, std::string_view request, std::string_view method);

/// What a server's frame held.
struct incoming {
  std::optional<std::uint64_t> id;       ///< of the request that this answers; absent in notifications
  std::string request;                   ///< raw bytes of the id of a server's request; empty in all else
  std::string method;                    ///< of a notification or a server's request; empty in answers
  payload_ptr body;                      ///< result or params; null in an error answer
  std::optional<codecs::error> failure;  ///< the error of an error answer
};
/// Empty when the bytes are no JSON-RPC message.
std::optional<incoming> decode_incoming(format in, std::string_view bytes);

}  // namespace greenroom::codecs
