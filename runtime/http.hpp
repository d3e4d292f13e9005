/// HTTP as the rest of the node sees it: requests that are whole and within every limit, exchanges that answer them now
/// or later, and the port that an application implements. `http_server.hpp` has the sockets behind it.
///
/// Lifecycle: `on_request` gets an exchange; `respond` is called once, at once or later. An exchange that is dropped
/// without an answer answers 500. `on_upgrade` gets a WebSocket handshake that is well-formed (RFC 6455, 4.2.1) and
/// answers with a refusal or with the owner of the coming transport. `on_done` comes once for each request, also for
/// one that was refused before any handler saw it: the access log. Threading: all on the shard of the connection, which
/// changes where `shard_of` says so. An answer after the client left is dropped (and logged as status 499). Bounds:
/// `http_limits`; one request of a connection is served at a time, later ones wait unread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "runtime/transport.hpp"
#include "runtime/websocket.hpp"

namespace greenroom::runtime {

inline constexpr const char* http_server_name = "greenroom";  ///< The `Server` field; it tells no version.

struct http_field {
  std::string name;
  std::string value;
};

struct http_request {
  std::string method;  ///< As sent: methods are case-sensitive.
  std::string target;  ///< As sent.
  std::string path;    ///< Percent-decoded once, without the query; starts with '/', or is "*" (OPTIONS).
  std::string query;   ///< As sent, without the '?'.
  std::vector<http_field> fields;
  std::string body;
  std::string peer;   ///< "192.0.2.7:50312"
  std::string local;  ///< The address that was connected to.
  bool is_loopback = false;
  bool secure = false;      ///< It came by TLS …
  std::string client_name;  ///< … from a client with this subject in its verified certificate; empty: none.

  /// The first field of that name (case does not matter), or an empty text.
  std::string_view header(std::string_view name) const noexcept;
  /// Whether a field that holds a list (`Connection`, `Sec-WebSocket-Protocol`) holds that token; case does not matter.
  bool lists(std::string_view name, std::string_view token) const noexcept;
  /// Percent-decoded value of a query parameter ('+' is a space), or an empty text.
  std::string parameter(std::string_view name) const;
};

struct http_response {
  unsigned status = 200;
  std::string content_type{};  ///< Empty: no such field.
  std::string body{};          ///< Left out of 204 and 304.
  /// Not empty: the body is `{"error": WORD, "message": problem, "trace": ID}`; the word is the status' own
  /// ("not_found").
  std::string problem{};
  /// Beside those that the server sets itself: Content-Length, Connection, Date, and what keeps an answer from being
  /// misused in a browser; one of these (`http_security_fields`) stands in place of the server's. Sent in this order, as
  /// many of one name as there are.
  std::vector<http_field> fields{};
};

/// What every answer says unless it says it differently: it is what its type says, is in nobody's frame, loads and runs
/// nothing, and its address is told to nobody.
std::span<const http_field> http_security_fields();

/// `{"error": WORD, "message": …, "trace": …}`; the word is the status' own ("not_found"). The exchange adds the trace
/// id.
http_response http_error(unsigned status, std::string_view message, std::vector<http_field> fields = {});
http_response http_method_not_allowed(std::string_view allow);       ///< 405 with `Allow`.
http_response http_unsupported_media_type(std::string_view accept);  ///< 415 with `Accept-Post`.
http_response http_upgrade_required();                               ///< 426 with the only version that there is, 13.
http_response http_too_many_requests(std::chrono::milliseconds retry_after);
http_response http_unavailable(std::chrono::milliseconds retry_after);

/// One request and the one answer to it.
class http_exchange {
 public:
  virtual ~http_exchange() = default;
  virtual const http_request& request() const noexcept = 0;
  virtual const std::string& trace() const noexcept = 0;  ///< The id in this request's errors and log line.
  /// Answers. A second call changes nothing. HEAD gets the fields only.
  virtual void respond(http_response answer) = 0;
};

/// An accepted WebSocket handshake. `opened` runs once the 101 is queued and names who hears the transport; null: it is
/// closed without a word.
struct upgrade {
  std::string subprotocol;  ///< One of those offered, or empty.
  websocket_options options;
  std::function<transport_events*(transport_ptr)> opened;
};

/// A line of the access log.
struct http_access {
  std::string_view method;  ///< Empty where the request line could not be read.
  std::string_view path;
  std::string_view peer;
  std::string_view trace;
  unsigned status = 0;  ///< 101 for an upgrade, 499 where the client left before its answer.
  std::uint64_t bytes = 0;
  std::chrono::microseconds duration{0};
};

/// Implemented by the application, one for each shard.
class http_handler {
 public:
  /// Which shard serves this request: another one than this, and the connection moves there with it, where `on_request`
  /// or `on_upgrade` follows without being asked again. Called once the request is whole; a WebSocket handshake only
  /// where it is well-formed. Nothing: this shard. 503 with Retry-After where that shard takes none now.
  virtual std::optional<std::size_t> shard_of(const http_request& /*request*/) { return std::nullopt; }
  virtual void on_request(std::shared_ptr<http_exchange> exchange) = 0;
  virtual std::variant<http_response, upgrade> on_upgrade(const http_request& request) = 0;
  virtual void on_done(const http_access& line) = 0;
  /// A client that came to a TLS address and did not get as far as a request. `why`: for the log.
  virtual void on_handshake_failed(std::string_view /*peer*/, std::string_view /*why*/) {}

 protected:
  ~http_handler() = default;
};

/// What a client may send before anything is kept of it, and how long it may take.
struct http_limits {
  std::uint32_t request_line_bytes_max = 4U << 10;  ///< 414
  std::uint32_t header_bytes_max = 8U << 10;        ///< 431
  std::uint32_t fields_max = 64;                    ///< 431
  std::uint32_t body_bytes_max = 1U << 20;          ///< 413
  std::uint32_t header_ms = 10'000;                 ///< 408, from a request's first byte
  std::uint32_t body_ms = 30'000;                   ///< 408, from the end of its header
  std::uint32_t idle_ms = 60'000;                   ///< A connection without a request is closed.
  std::uint32_t write_ms = 30'000;                  ///< A client that does not read its answer is closed.
  std::uint32_t handshake_ms = 10'000;              ///< A TLS client that is slower than this is closed.
};

}  // namespace greenroom::runtime
