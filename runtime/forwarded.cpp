#include "runtime/forwarded.hpp"

#include <algorithm>
#include <array>

#include "runtime/http_impl.hpp"
#include "runtime/http_rules_impl.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::string_view client_field = "X-Forwarded-For", scheme_field = "X-Forwarded-Proto";
constexpr std::array<std::string_view, 4> marks_of_a_proxy{client_field, "Forwarded", "X-Real-IP", "Via"};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  while (text.ends_with(' ') || text.ends_with('\t')) text.remove_suffix(1);
  return text;
}

/// Takes the last element off a list.
std::string_view take_last(std::string_view& list) {
  const auto comma = list.rfind(',');
  const auto last = trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1));
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
  return last;
}

bool has_field(const http_request& request, std::string_view name) { return count_fields(request, name) != 0; }

bool came_through_a_proxy(const http_request& request) {
  return std::ranges::any_of(marks_of_a_proxy, [&](auto name) { return has_field(request, name); });
}

}  // namespace

std::optional<ip_address> address_of(const socket_end& end) {
  const auto parsed = ip_and_port::parse(end.text);
  return parsed ? std::optional{parsed->address} : std::nullopt;
}

bool proxy_rules::lists(const socket_end& peer) const {
  if (listed.empty()) return false;
  const auto address = address_of(peer);
  return address && listed.holds(*address);
}

forwarded_client client_of(const http_request& request, const socket_end& peer, const proxy_rules& rules,
                           bool trusted) {
  forwarded_client known{.end = peer};
  if (!trusted) {
    known.end.is_loopback = peer.is_loopback && !came_through_a_proxy(request);
    return known;
  }
  known.end.is_loopback = false;  // the proxy is; its client only where the proxy says so
  const auto schemes = joined_fields(request, scheme_field);
  std::string_view left = schemes;
  known.secure = equals_ignoring_case(take_last(left), "https");
  if (!has_field(request, client_field)) return known;
  const auto all = joined_fields(request, client_field);
  left = all;
  std::optional<ip_and_port> client;
  do {
    const auto next = ip_and_port::parse(take_last(left));
    if (!next) return {.end = known.end, .secure = known.secure, .malformed = true};
    client = next;
  } while (!left.empty() && rules.listed.holds(client->address));
  known.end = {client->address.text_with(client->port), client->address.is_loopback()};
  return known;
}

}  // namespace greenroom::runtime
