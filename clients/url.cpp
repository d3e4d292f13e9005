#include "clients/url.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "clients/failure.hpp"

namespace greenroom::clients {
namespace {

constexpr std::string_view scheme = "ws://";

[[noreturn]] void refuse(std::string_view text, std::string_view why) {
  throw failure{errc::bad_url, "\"" + std::string{text} + "\" is no address of a node: " + std::string{why}};
}

bool is_port(std::string_view text) {
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size() && number != 0;
}

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

url parse_url(std::string_view text) {
  if (text.starts_with("wss://")) refuse(text, "this client does not speak TLS; it takes ws://host:port/ws");
  if (!text.starts_with(scheme)) refuse(text, "it takes ws://host:port/ws");
  if (!is_printable(text)) refuse(text, "it has a space or a control character in it");
  const auto rest = text.substr(scheme.size());
  const auto slash = std::min(rest.find_first_of("/?"), rest.size());
  auto host = rest.substr(0, slash);
  if (host.find('@') != host.npos) refuse(text, "a name and a password do not belong there; see --user and --token");

  url where;
  if (slash < rest.size() && rest.substr(slash) != "/") where.target = rest.substr(slash);
  if (where.target.starts_with('?')) where.target.insert(0, "/ws");
  const auto bracket = host.starts_with('[') ? host.find(']') : 0;
  if (bracket == host.npos) refuse(text, "the bracket is not closed");
  if (const auto colon = host.find(':', bracket); colon != host.npos) {
    where.port = host.substr(colon + 1);
    host = host.substr(0, colon);
    if (!is_port(where.port)) refuse(text, "the port is a number from 1 to 65535; an IPv6 address stands in brackets");
  }
  where.host = bracket == 0 ? host : host.substr(1, bracket - 1);
  if (where.host.empty()) refuse(text, "the host is missing");
  return where;
}

std::string authority(const url& where) {
  const bool six = where.host.find(':') != where.host.npos;
  return (six ? "[" + where.host + "]" : where.host) + ":" + where.port;
}

}  // namespace greenroom::clients
