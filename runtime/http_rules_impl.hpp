/// HTTP_RULES: what is refused of a request that a parser has accepted. Private to runtime's sources; pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/http.hpp"
#include "runtime/http_head.hpp"

namespace greenroom::runtime {

/// What is wrong with a request; status 0: nothing.
struct http_fault {
  unsigned status = 0;
  const char* message = "";
};

http_fault fault_of(http_head::verdict verdict) noexcept;

/// RFC 9112, 6.1 and 6.3: a body whose end two readers could see at two places. `chunked`: as the parser understood it.
http_fault check_framing(const http_request& request, unsigned version, bool chunked) noexcept;

/// Host and Expect (RFC 9110, 7.2 and 10.1.1).
http_fault check_fields(const http_request& request, unsigned version) noexcept;

/// RFC 6455, 4.2.1, without the version and the key.
bool asks_for_websocket(const http_request& request, unsigned version) noexcept;

/// The values of all fields with that name as one list (RFC 9110, 5.3).
std::string joined_fields(const http_request& request, std::string_view name);

/// How many fields have that name.
std::size_t count_fields(const http_request& request, std::string_view name) noexcept;

}  // namespace greenroom::runtime
