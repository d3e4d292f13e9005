/// The text side of HTTP that needs no socket: decoding targets, writing answers. Private to runtime's sources; pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/http.hpp"

namespace greenroom::runtime {

/// Percent-decoded; none where an escape is broken, or hides a NUL.
std::optional<std::string> percent_decode(std::string_view text);

/// Splits a request's target into path and query; false where it has a form that we do not serve (RFC 9112, 3.2).
bool parse_target(http_request& request);

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Whether it is the base64 of 16 bytes, as RFC 6455, 4.2.1 asks of a Sec-WebSocket-Key.
bool is_websocket_key(std::string_view key) noexcept;

enum class connection_after : std::uint8_t { keep, close };
enum class body_of_answer : std::uint8_t { send, leave_out };

/// The bytes of an answer; a problem becomes its JSON. `more`: fields of its connection, as they are sent.
std::string write_response(const http_response& answer, std::string_view trace, connection_after after,
                           body_of_answer body, std::string_view more = {});

std::string make_trace();  ///< 16 hexadecimal digits at random.

}  // namespace greenroom::runtime
