/// HTTP_FETCH gets one small document from a URL: what a node must know of others, such as the keys of an identity
/// provider. Whatever stands at the other end, a fetch ends in time and takes a bounded amount of memory.
///
/// It follows no redirect, sends no credentials, asks no proxy, and with https:// believes only certificates that the
/// machine's authorities vouch for (or those in the file that SSL_CERT_FILE names, or the directory of SSL_CERT_DIR).
///
/// Threading: any, and it blocks its thread: for detached actors. Bounds: fetch_options. Failure: no exception; an
/// outcome that is not `ok`, and a sentence fit for the log.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace greenroom::runtime {

struct fetch_options {
  std::chrono::milliseconds timeout{5'000};  ///< for the whole of it: names, connection, TLS, body
  std::size_t bytes_max = 256 * 1024;        ///< of the body; of the header a quarter of it
  std::string version{};                     ///< of this build, told as `User-Agent: greenroom/VERSION`
  std::function<bool()> cancelled{};         ///< asked a few times a second: true ends it
};

enum class fetch_outcome : std::uint8_t {
  ok,
  unreachable,  ///< no address, no connection
  untrusted,    ///< TLS: its certificate, its name
  timed_out,    ///< `timeout`
  refused,      ///< a status that is not 200, a redirect among them
  too_large,    ///< `bytes_max`
  broken,       ///< what came is no HTTP, or ended early
  cancelled
};

struct fetched {
  fetch_outcome what = fetch_outcome::unreachable;
  std::string body{};                             ///< where `ok`
  std::optional<std::chrono::seconds> max_age{};  ///< of `Cache-Control`: how long the other side lets it be kept
  std::string why{};                              ///< a sentence where not `ok`
};

fetched fetch(const std::string& url, const fetch_options& how);

/// What is wrong with a URL that this node shall fetch; empty: nothing. It begins with https://, or with http:// where
/// it leads to this machine, and has no name and password in it.
std::string flaw_of_url(std::string_view url);

}  // namespace greenroom::runtime
