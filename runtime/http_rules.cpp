#include "runtime/http_rules_impl.hpp"

#include "runtime/http_impl.hpp"

namespace greenroom::runtime {

std::size_t count_fields(const http_request& request, std::string_view name) noexcept {
  std::size_t found = 0;
  for (const auto& field : request.fields) found += equals_ignoring_case(field.name, name) ? 1 : 0;
  return found;
}

std::string joined_fields(const http_request& request, std::string_view name) {
  std::string all;
  for (const auto& field : request.fields) {
    if (!equals_ignoring_case(field.name, name)) continue;
    if (!all.empty()) all += ", ";
    all += field.value;
  }
  return all;
}

http_fault fault_of(http_head::verdict verdict) noexcept {
  switch (verdict) {
    case http_head::verdict::uri_too_long: return {414, "the request line is too long"};
    case http_head::verdict::fields_too_large: return {431, "the header fields are too large or too many"};
    case http_head::verdict::version_unsupported: return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
    default: return {400, "the request is not well-formed HTTP"};
  }
}

http_fault check_framing(const http_request& request, unsigned version, bool chunked) noexcept {
  const auto codings = count_fields(request, "Transfer-Encoding");
  const auto lengths = count_fields(request, "Content-Length");
  if (codings + lengths > 1 || request.header("Content-Length").find(',') != std::string_view::npos) {
    return {400, "the length of the body is ambiguous"};
  }
  if (codings == 1 && version != 11) return {400, "HTTP/1.0 has no transfer codings"};
  if (codings == 1 && !equals_ignoring_case(request.header("Transfer-Encoding"), "chunked")) {
    return chunked ? http_fault{501, "no transfer coding but chunked is known"}
                   : http_fault{400, "the body has no end"};
  }
  return {};
}

http_fault check_fields(const http_request& request, unsigned version) noexcept {
  const auto hosts = count_fields(request, "Host");
  const auto host = request.header("Host");
  if (hosts > 1 || (hosts == 0 && version != 10) || host.find_first_of(" \t/@,") != std::string_view::npos) {
    return {400, "there must be one Host"};
  }
  if (count_fields(request, "Expect") != 0 && !equals_ignoring_case(request.header("Expect"), "100-continue")) {
    return {417, "no expectation but 100-continue is known"};
  }
  return {};
}

bool asks_for_websocket(const http_request& request, unsigned version) noexcept {
  return version == 11 && request.method == "GET" && request.lists("Connection", "upgrade") &&
         request.lists("Upgrade", "websocket");
}

}  // namespace greenroom::runtime
