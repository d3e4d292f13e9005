#include "runtime/http_fetch.hpp"

#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>

namespace greenroom::runtime {
namespace {

struct easy_end {
  void operator()(CURL* held) const noexcept { curl_easy_cleanup(held); }
};
using easy = std::unique_ptr<CURL, easy_end>;

struct transfer {
  const fetch_options& how;
  std::string body{};
  std::size_t header_bytes = 0;
  bool too_large = false, cancelled = false;
};

std::size_t on_body(char* bytes, std::size_t, std::size_t count, void* held) {
  auto& to = *static_cast<transfer*>(held);
  to.too_large = count > to.how.bytes_max - to.body.size();
  if (to.too_large) return CURL_WRITEFUNC_ERROR;
  to.body.append(bytes, count);
  return count;
}

std::size_t on_header(char*, std::size_t, std::size_t count, void* held) {
  auto& to = *static_cast<transfer*>(held);
  to.header_bytes += count;
  to.too_large |= to.header_bytes > to.how.bytes_max / 4;
  return to.too_large ? CURL_WRITEFUNC_ERROR : count;
}

int on_progress(void* held, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto& to = *static_cast<transfer*>(held);
  to.cancelled = to.how.cancelled && to.how.cancelled();
  return to.cancelled ? 1 : 0;
}

/// As OpenSSL's own programs do: libcurl does not look at them.
void choose_authorities(CURL* to) {
  if (const char* file = std::getenv("SSL_CERT_FILE"); file && *file) curl_easy_setopt(to, CURLOPT_CAINFO, file);
  if (const char* directory = std::getenv("SSL_CERT_DIR"); directory && *directory)
    curl_easy_setopt(to, CURLOPT_CAPATH, directory);
}

void set_up(CURL* to, const std::string& url, transfer& one, std::array<char, CURL_ERROR_SIZE>& why) {
  const bool secure = url.starts_with("https://");
  const auto agent = "greenroom/" + one.how.version;
  curl_easy_setopt(to, CURLOPT_URL, url.c_str());
  curl_easy_setopt(to, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http");
  curl_easy_setopt(to, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(to, CURLOPT_PROXY, "");  // else http_proxy and its like would be believed
  curl_easy_setopt(to, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(to, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(to, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(to, CURLOPT_SSL_VERIFYHOST, 2L);
  choose_authorities(to);
  curl_easy_setopt(to, CURLOPT_NOSIGNAL, 1L);  // time-outs by signals would hit other threads
  curl_easy_setopt(to, CURLOPT_TIMEOUT_MS, static_cast<long>(one.how.timeout.count()));
  curl_easy_setopt(to, CURLOPT_USERAGENT, agent.c_str());
  curl_easy_setopt(to, CURLOPT_FORBID_REUSE, 1L);
  curl_easy_setopt(to, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(to, CURLOPT_WRITEDATA, &one);
  curl_easy_setopt(to, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(to, CURLOPT_HEADERDATA, &one);
  curl_easy_setopt(to, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(to, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(to, CURLOPT_XFERINFODATA, &one);
  curl_easy_setopt(to, CURLOPT_ERRORBUFFER, why.data());
}

fetch_outcome outcome_of(CURLcode code, const transfer& one) {
  if (one.cancelled) return fetch_outcome::cancelled;
  if (one.too_large) return fetch_outcome::too_large;
  switch (code) {
    case CURLE_OK: return fetch_outcome::ok;
    case CURLE_OPERATION_TIMEDOUT: return fetch_outcome::timed_out;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT: return fetch_outcome::unreachable;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: return fetch_outcome::untrusted;
    default: return fetch_outcome::broken;
  }
}

std::optional<std::chrono::seconds> max_age_of(CURL* from) {
  curl_header* field = nullptr;
  if (curl_easy_header(from, "Cache-Control", 0, CURLH_HEADER, -1, &field) != CURLHE_OK) return std::nullopt;
  const std::string_view said{field->value};
  constexpr std::string_view name = "max-age=";
  const auto at = said.find(name);
  if (at == said.npos) return std::nullopt;
  std::uint32_t seconds = 0;
  const auto digits = said.substr(at + name.size());
  if (std::from_chars(digits.data(), digits.data() + digits.size(), seconds).ec != std::errc{}) return std::nullopt;
  return std::chrono::seconds{seconds};
}

bool is_loopback(const std::string& host) {
  in_addr four{};
  constexpr unsigned loopback_net = 127;
  return host == "localhost" || host == "[::1]" ||
         (::inet_pton(AF_INET, host.c_str(), &four) == 1 && ntohl(four.s_addr) >> 24 == loopback_net);
}

constexpr long ok_status = 200, redirect_min = 300, redirect_max = 399;

}  // namespace

fetched fetch(const std::string& url, const fetch_options& how) {
  [[maybe_unused]] static const auto once = curl_global_init(CURL_GLOBAL_DEFAULT);
  const easy handle{curl_easy_init()};
  fetched got;
  if (!handle) return got.why = "libcurl has no memory", got;
  std::array<char, CURL_ERROR_SIZE> why{};
  transfer one{.how = how};
  set_up(handle.get(), url, one, why);
  const auto code = curl_easy_perform(handle.get());
  got.what = outcome_of(code, one);
  if (got.what == fetch_outcome::too_large)
    got.why = "the answer is longer than " + std::to_string(how.bytes_max) + " bytes";
  else if (got.what != fetch_outcome::ok)
    got.why = why.front() != '\0' ? why.data() : curl_easy_strerror(code);
  if (got.what != fetch_outcome::ok) return got;
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status != ok_status) {
    got.what = fetch_outcome::refused;
    got.why = "the answer is " + std::to_string(status);
    if (status >= redirect_min && status <= redirect_max) got.why += ", a redirect, which is not followed";
    return got;
  }
  got.max_age = max_age_of(handle.get());
  got.body = std::move(one.body);
  return got;
}

std::string flaw_of_url(std::string_view url) {
  struct end {
    void operator()(CURLU* held) const noexcept { curl_url_cleanup(held); }
  };
  const std::unique_ptr<CURLU, end> read{curl_url()};  // whoever fetches it reads it, too
  const auto part = [&](CURLUPart which) {
    char* text = nullptr;
    std::string copy;
    if (curl_url_get(read.get(), which, &text, 0) == CURLUE_OK) copy = text;
    curl_free(text);
    return copy;
  };
  const bool plain = std::ranges::all_of(url, [](char c) { return c > ' ' && c < '\x7f' && c != '\\'; });
  if (!read || !plain || curl_url_set(read.get(), CURLUPART_URL, std::string{url}.c_str(), 0) != CURLUE_OK)
    return "this is no URL";
  if (!part(CURLUPART_USER).empty() || !part(CURLUPART_PASSWORD).empty())
    return "a name and a password do not belong into the URL";
  if (url.find('#') != url.npos) return "a fragment does not belong into the URL";
  if (url.starts_with("https://")) return {};
  if (!url.starts_with("http://")) return "the URL must begin with https://";
  return is_loopback(part(CURLUPART_HOST)) ? std::string{}
                                           : "the URL must begin with https:// where it leads to another machine";
}

}  // namespace greenroom::runtime
