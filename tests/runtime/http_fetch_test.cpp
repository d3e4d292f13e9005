// What a node fetches from others: in time, bounded, from where it was told to and from nowhere else.
#include "runtime/http_fetch.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "runtime/unique_fd.hpp"

namespace {

using namespace greenroom::runtime;
using namespace std::chrono_literals;

/// Answers one request on loopback with these bytes, and then ends the connection, or holds it until this goes.
class one_answer {
 public:
  enum class then { close, hold };
  explicit one_answer(std::string bytes, then what = then::close)
      : listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}, bytes_{std::move(bytes)}, then_{what} {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&at), &size) == 0);
    url = "http://127.0.0.1:" + std::to_string(ntohs(at.sin_port)) + "/keys?v=1";
    thread_ = std::thread{[this] { serve(); }};
  }
  ~one_answer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  one_answer(const one_answer&) = delete;
  one_answer& operator=(const one_answer&) = delete;

  std::string url, request;

 private:
  void serve() {
    client_ = unique_fd{::accept(listener_.get(), nullptr, nullptr)};
    char buffer[4'096];
    while (request.find("\r\n\r\n") == std::string::npos && !request.starts_with('\x16')) {  // or a TLS handshake
      const auto count = ::read(client_.get(), buffer, sizeof buffer);
      if (count <= 0) return;
      request.append(buffer, static_cast<std::size_t>(count));
    }
    ::send(client_.get(), bytes_.data(), bytes_.size(), MSG_NOSIGNAL);
    if (then_ == then::close) client_ = {};
  }

  unique_fd listener_, client_;
  std::string bytes_;
  then then_;
  std::thread thread_;
};

std::string ok(const std::string& body, const std::string& more = {}) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + more + "\r\n" + body;
}
fetched of(const std::string& bytes, fetch_options how = {.version = "7"},
           one_answer::then then = one_answer::then::close) {
  one_answer server{bytes, then};
  return fetch(server.url, how);
}

}  // namespace

TEST_CASE("http fetch: gets a document, and says who asks", "[runtime][fetch]") {
  one_answer server{ok("hello", "Cache-Control: public, max-age=90, immutable\r\n")};
  const auto got = fetch(server.url, {.version = "7"});
  CHECK(got.what == fetch_outcome::ok);
  CHECK(got.body == "hello");
  CHECK(got.max_age == 90s);
  CHECK(server.request.starts_with("GET /keys?v=1 HTTP/1.1\r\n"));
  CHECK(server.request.find("User-Agent: greenroom/7\r\n") != std::string::npos);
  CHECK(server.request.find("Authorization") == std::string::npos);
}

TEST_CASE("http fetch: a max-age that is none is none", "[runtime][fetch]") {
  for (const auto* said : {"no-store", "max-age=", "max-age=x", "max-age=99999999999999999999"})
    CHECK_FALSE(of(ok("x", std::string{"Cache-Control: "} + said + "\r\n")).max_age);
  CHECK_FALSE(of(ok("x")).max_age);
}

TEST_CASE("http fetch: whatever else comes is an outcome with a sentence", "[runtime][fetch]") {
  struct row {
    std::string bytes;
    fetch_outcome what;
    const char* why;
  };
  const std::string head = "HTTP/1.1 ";
  for (const auto& [bytes, what, why] :
       {row{head + "302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", fetch_outcome::refused,
            "the answer is 302, a redirect, which is not followed"},
        row{head + "500 No\r\nContent-Length: 0\r\n\r\n", fetch_outcome::refused, "the answer is 500"},
        row{ok(std::string(1'001, 'x')), fetch_outcome::too_large, "longer than 1000 bytes"},
        row{head + "200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n" + std::string(4'095, 'x'),
            fetch_outcome::too_large, "longer than 1000 bytes"},
        row{head + "200 OK\r\nX: " + std::string(2'000, 'x') + "\r\n\r\n", fetch_outcome::too_large, "longer"},
        row{head + "200 OK\r\nContent-Length: 100\r\n\r\nshort", fetch_outcome::broken, ""},
        row{"", fetch_outcome::broken, ""}, row{"SSH-2.0-x\r\n\r\n", fetch_outcome::broken, ""}}) {
    INFO(bytes.substr(0, 60));
    const auto got = of(bytes, {.bytes_max = 1'000});
    CHECK(got.what == what);
    CHECK(got.why.find(why) != std::string::npos);
    CHECK_FALSE(got.why.empty());
    CHECK(got.body.empty());
  }
  CHECK(of(ok(std::string(1'000, 'x')), {.bytes_max = 1'000}).what == fetch_outcome::ok);
}

TEST_CASE("http fetch: it ends in time, and when it is told to", "[runtime][fetch]") {
  using enum one_answer::then;
  CHECK(of("", {.timeout = 100ms}, hold).what == fetch_outcome::timed_out);
  CHECK(of("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx", {.timeout = 100ms}, hold).what == fetch_outcome::timed_out);
  const auto got = of("", {.timeout = 60s, .cancelled = [] { return true; }}, hold);
  CHECK(got.what == fetch_outcome::cancelled);
}

TEST_CASE("http fetch: nobody there, and a server without TLS where it is wanted", "[runtime][fetch]") {
  std::string url;
  { url = one_answer{""}.url; }
  CHECK(fetch(url, {}).what == fetch_outcome::unreachable);
  one_answer plain{ok("hello")};
  CHECK(fetch("https" + plain.url.substr(4), {.timeout = 2s}).what == fetch_outcome::untrusted);
}
