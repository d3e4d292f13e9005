/// CORS: what pages of other origins may read of this node's answers (Fetch standard, 3.2), by the same list that says who
/// may talk to it (`origin_allowed`). An answer never says `*`, and to an origin that is not allowed it says nothing.
///
/// Credentials (cookies, TLS certificates) are of use to Engine.IO alone, whose clients may insist on sending them; the
/// node itself sets no cookie and believes none. Pure.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/http.hpp"

namespace greenroom {

enum class cors_credentials : std::uint8_t { omit, allow };

/// The fields of an answer to a request whose origin the caller has found allowed; without an origin only `Vary`.
std::vector<runtime::http_field> cors_fields(const runtime::http_request& request, cors_credentials with);

/// 204 for what a browser asks before it sends such a request; browsers remember it for ten minutes.
runtime::http_response cors_preflight(const runtime::http_request& request, std::string_view methods,
                                      cors_credentials with);

}  // namespace greenroom
