#include "runtime/http.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <random>

#include "runtime/http_impl.hpp"

namespace greenroom::runtime {
namespace {

struct status_line {
  unsigned status;
  std::string_view reason;
};

constexpr std::array status_lines{
    status_line{100, "Continue"},
    status_line{101, "Switching Protocols"},
    status_line{200, "OK"},
    status_line{201, "Created"},
    status_line{202, "Accepted"},
    status_line{204, "No Content"},
    status_line{301, "Moved Permanently"},
    status_line{302, "Found"},
    status_line{304, "Not Modified"},
    status_line{307, "Temporary Redirect"},
    status_line{308, "Permanent Redirect"},
    status_line{400, "Bad Request"},
    status_line{401, "Unauthorized"},
    status_line{403, "Forbidden"},
    status_line{404, "Not Found"},
    status_line{405, "Method Not Allowed"},
    status_line{408, "Request Timeout"},
    status_line{409, "Conflict"},
    status_line{411, "Length Required"},
    status_line{413, "Content Too Large"},
    status_line{414, "URI Too Long"},
    status_line{415, "Unsupported Media Type"},
    status_line{417, "Expectation Failed"},
    status_line{426, "Upgrade Required"},
    status_line{429, "Too Many Requests"},
    status_line{431, "Request Header Fields Too Large"},
    status_line{500, "Internal Server Error"},
    status_line{501, "Not Implemented"},
    status_line{503, "Service Unavailable"},
    status_line{504, "Gateway Timeout"},
    status_line{505, "HTTP Version Not Supported"},
};

std::string_view reason_of(unsigned status) noexcept {
  const auto found =
      std::find_if(status_lines.begin(), status_lines.end(), [&](auto& l) { return l.status == status; });
  return found != status_lines.end() ? found->reason : "Unknown";
}

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string_view trimmed(std::string_view text) noexcept {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

void append_json(std::string& to, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr unsigned char first_printable = 0x20;
  to += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < first_printable) {
      to += "\\u00";
      to += digits[byte >> 4];
      to += digits[byte & 0xf];
    } else {
      if (c == '"' || c == '\\') to += '\\';
      to += c;
    }
  }
  to += '"';
}

std::string problem_body(const http_response& answer, std::string_view trace) {
  std::string word{reason_of(answer.status)};
  std::transform(word.begin(), word.end(), word.begin(), [](char c) { return c == ' ' ? '_' : lower(c); });
  std::string body = "{\"error\":";
  append_json(body, word);
  body += ",\"message\":";
  append_json(body, answer.problem);
  body += ",\"trace\":";
  append_json(body, trace);
  body += '}';
  return body;
}

void append_field(std::string& to, std::string_view name, std::string_view value) {
  to.append(name).append(": ").append(value).append("\r\n");
}

/// The time as HTTP writes it, made once a second.
const std::string& http_date() {
  thread_local std::time_t made_at = 0;
  thread_local std::string text;
  const auto now = std::time(nullptr);
  if (now != made_at) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 32> buffer{};
    text.assign(buffer.data(), std::strftime(buffer.data(), buffer.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts));
    made_at = now;
  }
  return text;
}

http_response retry_later(unsigned status, std::string_view message, std::chrono::milliseconds after) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(after).count();  // the field has no smaller unit
  return http_error(status, message, {{"Retry-After", std::to_string(seconds)}});
}

}  // namespace

// --- requests ---

std::string_view http_request::header(std::string_view name) const noexcept {
  for (const auto& field : fields) {
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return {};
}

bool http_request::lists(std::string_view name, std::string_view token) const noexcept {
  for (const auto& field : fields) {
    if (!equals_ignoring_case(field.name, name)) continue;
    for (std::string_view rest = field.value;;) {
      const auto comma = rest.find(',');
      if (equals_ignoring_case(trimmed(rest.substr(0, comma)), token)) return true;
      if (comma == std::string_view::npos) break;
      rest.remove_prefix(comma + 1);
    }
  }
  return false;
}

std::string http_request::parameter(std::string_view name) const {
  for (std::string_view rest = query; !rest.empty();) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto equals = std::min(pair.find('='), pair.size());
    if (pair.substr(0, equals) != name) continue;
    std::string value{pair.substr(std::min(equals + 1, pair.size()))};
    std::replace(value.begin(), value.end(), '+', ' ');
    return percent_decode(value).value_or(std::string{});
  }
  return {};
}

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i != text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(text[i + 2]) : -1;
    if (low < 0 || (high == 0 && low == 0)) return std::nullopt;
    decoded += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return decoded;
}

bool parse_target(http_request& request) {
  std::string_view rest = request.target;
  if (request.method == "CONNECT") return false;  // has an authority for a target, and asks for a tunnel
  if (rest == "*") {
    request.path = request.target;
    return request.method == "OPTIONS";
  }
  bool absolute = false;  // a proxy's form, but every server takes it
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (absolute || !equals_ignoring_case(rest.substr(0, scheme.size()), scheme)) continue;
    rest.remove_prefix(scheme.size());
    const auto authority = std::min(rest.find_first_of("/?"), rest.size());
    if (authority == 0) return false;
    rest.remove_prefix(authority);
    absolute = true;
  }
  const auto mark = std::min(rest.find('?'), rest.size());
  const auto raw = rest.substr(0, mark);
  if (raw.empty() ? !absolute : raw.front() != '/') return false;
  auto path = percent_decode(raw.empty() ? "/" : raw);
  if (!path) return false;
  request.path = std::move(*path);
  request.query = std::string{rest.substr(std::min(mark + 1, rest.size()))};
  return true;
}

bool is_websocket_key(std::string_view key) noexcept {
  constexpr std::size_t chars = 24;  // 16 bytes: 22 digits, the last with 2 bits that count, and the padding
  if (key.size() != chars || !key.ends_with("==")) return false;
  const auto digits = key.substr(0, chars - 2);
  return std::all_of(digits.begin(), digits.end(), [](char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

// --- answers ---

http_response http_error(unsigned status, std::string_view message, std::vector<http_field> fields) {
  http_response answer;
  answer.status = status;
  answer.content_type = "application/json";
  answer.problem = std::string{message};
  answer.fields = std::move(fields);
  return answer;
}

http_response http_method_not_allowed(std::string_view allow) {
  return http_error(405, "this resource does not know that method", {{"Allow", std::string{allow}}});
}

http_response http_unsupported_media_type(std::string_view accept) {
  return http_error(415, "this resource does not take that Content-Type", {{"Accept-Post", std::string{accept}}});
}

http_response http_upgrade_required() {
  return http_error(426, "this resource speaks WebSocket version 13",
                    {{"Sec-WebSocket-Version", "13"}, {"Upgrade", "websocket"}, {"Connection", "upgrade"}});
}

http_response http_too_many_requests(std::chrono::milliseconds retry_after) {
  return retry_later(429, "too many requests", retry_after);
}

http_response http_unavailable(std::chrono::milliseconds retry_after) {
  return retry_later(503, "the node takes no more work now", retry_after);
}

std::span<const http_field> http_security_fields() {
  static const std::array<http_field, 4> all{{
      {"X-Content-Type-Options", "nosniff"},
      {"X-Frame-Options", "DENY"},
      {"Referrer-Policy", "no-referrer"},
      {"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
  }};
  return all;
}

std::string write_response(const http_response& answer, std::string_view trace, connection_after after,
                           body_of_answer body, std::string_view more) {
  const auto made = answer.problem.empty() ? std::string{} : problem_body(answer, trace);
  const std::string& content = answer.problem.empty() ? answer.body : made;
  constexpr std::size_t usual_head_bytes = 512;
  std::string text;
  text.reserve(usual_head_bytes + content.size());
  text.append("HTTP/1.1 ")
      .append(std::to_string(answer.status))
      .append(" ")
      .append(reason_of(answer.status))
      .append("\r\n");
  append_field(text, "Server", http_server_name);
  append_field(text, "Date", http_date());
  for (const auto& field : http_security_fields())
    if (std::ranges::none_of(answer.fields,
                             [&](const auto& own) { return equals_ignoring_case(own.name, field.name); }))
      append_field(text, field.name, field.value);
  text += more;
  if (!answer.content_type.empty()) append_field(text, "Content-Type", answer.content_type);
  const bool bodiless =
      answer.status == 204 || answer.status == 304;  // RFC 9110, 6.4.1: a body would be the next answer
  if (!bodiless) append_field(text, "Content-Length", std::to_string(content.size()));
  bool says_connection = false;
  for (const auto& field : answer.fields) {
    const bool connection = equals_ignoring_case(field.name, "Connection");
    says_connection = says_connection || connection;
    append_field(text, field.name,
                 connection && after == connection_after::close ? field.value + ", close" : field.value);
  }
  if (!says_connection) append_field(text, "Connection", after == connection_after::close ? "close" : "keep-alive");
  text += "\r\n";
  if (body == body_of_answer::send && !bodiless) text += content;
  return text;
}

std::string make_trace() {
  thread_local std::mt19937_64 random{std::random_device{}()};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string trace(16, '0');
  auto bits = random();
  for (auto& digit : trace) {
    digit = digits[bits & 0xf];
    bits >>= 4;
  }
  return trace;
}

}  // namespace greenroom::runtime
