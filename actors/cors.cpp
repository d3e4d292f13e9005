#include "actors/cors.hpp"

#include <string>

namespace greenroom {
namespace {

constexpr std::string_view max_age_s = "600";

}  // namespace

std::vector<runtime::http_field> cors_fields(const runtime::http_request& request, cors_credentials with) {
  std::vector<runtime::http_field> fields{{"Vary", "Origin"}};  // also without one: caches must not mix them up
  const auto origin = request.header("Origin");
  if (origin.empty()) return fields;
  fields.push_back({"Access-Control-Allow-Origin", std::string{origin}});
  if (with == cors_credentials::allow) fields.push_back({"Access-Control-Allow-Credentials", "true"});
  return fields;
}

runtime::http_response cors_preflight(const runtime::http_request& request, std::string_view methods,
                                      cors_credentials with) {
  auto fields = cors_fields(request, with);
  fields.push_back({"Vary", "Access-Control-Request-Headers"});
  fields.push_back({"Access-Control-Allow-Methods", std::string{methods}});
  if (const auto wanted = request.header("Access-Control-Request-Headers"); !wanted.empty())
    fields.push_back({"Access-Control-Allow-Headers", std::string{wanted}});
  fields.push_back({"Access-Control-Max-Age", std::string{max_age_s}});
  return {.status = 204, .fields = std::move(fields)};
}

}  // namespace greenroom
