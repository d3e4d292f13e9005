#include "runtime/http.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "runtime/http_head.hpp"
#include "runtime/http_impl.hpp"
#include "tests/support/http_client.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace tests;

// --- requests and answers ---

TEST_CASE("http: a request is answered with its body, its length and nothing of the inside") {
  web_server server;
  const auto got = ask(server, get("/some%20where?a=1"));
  CHECK(got.status == 200);
  CHECK(got.body == "GET /some where?a=1[]");
  CHECK(got.header("Content-Type") == "text/plain");
  CHECK(got.header("X-Content-Type-Options") == "nosniff");
  CHECK(got.header("X-Frame-Options") == "DENY");
  CHECK(got.header("Referrer-Policy") == "no-referrer");
  CHECK(got.header("Content-Security-Policy") == "default-src 'none'; frame-ancestors 'none'");
  CHECK(got.header("Strict-Transport-Security").empty());
  CHECK(got.header("Connection") == "keep-alive");
  CHECK(got.header("Server") == "greenroom");
  CHECK(got.header("Date").ends_with(" GMT"));
}

TEST_CASE("http: targets are decoded once, in each form that a server must take") {
  struct row {
    const char *target, *path, *query;
  };
  const auto row = GENERATE(values<struct row>({
      {"/", "/", ""},
      {"/a/b?x=%20&y", "/a/b", "x=%20&y"},
      {"/%41%2f%252e", "/A/%2e", ""},
      {"/a?", "/a", ""},
      {"http://other.example/p?q", "/p", "q"},
      {"HTTP://other.example", "/", ""},
      {"http://other.example?q", "/", "q"},
      {"//x", "//x", ""},
  }));
  CAPTURE(row.target);
  web_server server;
  CHECK(ask(server, get(row.target)).status == 200);
  server.on_shard([&] {
    REQUIRE(server.requests.size() == 1);
    CHECK(server.requests[0].path == row.path);
    CHECK(server.requests[0].query == row.query);
    CHECK(server.requests[0].target == row.target);
    CHECK(server.requests[0].is_loopback);
    CHECK(server.requests[0].local == server.address());
    CHECK(server.requests[0].peer.starts_with("127.0.0.1:"));
  });
}

TEST_CASE("http: requests follow each other on one connection, also all sent at once, and are answered in order") {
  web_server server;
  raw_socket client{server.address()};
  std::string many;
  for (int i = 0; i != 500; ++i) many += i % 2 ? get("/" + std::to_string(i)) : post(std::to_string(i));
  client.send(many);
  for (int i = 0; i != 500; ++i) {
    const auto n = std::to_string(i);
    REQUIRE(read_answer(client).body == (i % 2 ? "GET /" + n + "?[]" : "POST /echo?[" + n + "]"));
  }
  CHECK(server.stats().listening.accepted == 1);
}

TEST_CASE("http: an empty line before a request is forgiven, as the standard asks") {
  web_server server;
  CHECK(ask(server, "\r\n" + get("/")).status == 200);
  CHECK(ask(server, "\r\n\r\n" + get("/")).status == 400);
}

TEST_CASE("http: a request that arrives byte by byte is one request") {
  web_server server;
  raw_socket client{server.address()};
  for (const char c : post("slow")) client.send({&c, 1});
  CHECK(read_answer(client).body == "POST /echo?[slow]");
}

TEST_CASE("http: chunked bodies are put together, extensions and trailers left out") {
  web_server server;
  raw_socket client{server.address()};
  const std::string head = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
  client.send(head + "3;name=\"value\"\r\nabc\r\n0A\r\n0123456789\r\n0\r\nX-T: 1\r\n\r\n" + get("/next"));
  CHECK(read_answer(client).body == "POST /echo?[abc0123456789]");
  CHECK(read_answer(client).body == "GET /next?[]");
  server.on_shard([&] {
    REQUIRE(server.requests.size() == 2);
    CHECK(server.requests[0].header("X-T").empty());
  });
  client.send(head);
  for (const char c : std::string("2\r\nhi\r\n0\r\n\r\n")) client.send({&c, 1});
  CHECK(read_answer(client).body == "POST /echo?[hi]");
}

TEST_CASE("http: HEAD is answered with the fields of GET and no body") {
  web_server server;
  raw_socket client{server.address()};
  client.send("HEAD /x HTTP/1.1\r\nHost: test\r\n\r\n" + get("/y"));
  const auto head = client.read_until("\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 "));
  CHECK(head.find("Content-Length: 10\r\n") != std::string::npos);
  CHECK(read_answer(client).body == "GET /y?[]");
}

TEST_CASE("http: a CORS preflight reaches the handler, and 204 leaves with its fields alone") {
  web_server server;
  raw_socket client{server.address()};
  client.send(
      "OPTIONS /preflight HTTP/1.1\r\nHost: t\r\nOrigin: https://page.test\r\n"
      "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n" +
      get("/next"));
  const auto answer = read_answer(client);
  CHECK(answer.status == 204);
  CHECK(answer.header("Access-Control-Allow-Origin") == "https://page.test");
  CHECK(answer.head.find("Vary: Origin\r\nVary: Access-Control-Request-Headers\r\n") != std::string::npos);
  CHECK(answer.head.find("Content-Length") == std::string::npos);
  CHECK(read_answer(client).body == "GET /next?[]");  // no byte of a body stands before it
  server.on_shard([&] {
    CHECK(server.requests.at(0).method == "OPTIONS");
    CHECK(server.requests.at(0).header("access-control-request-method") == "POST");
  });
}

TEST_CASE("http: connections close when asked to, and with HTTP/1.0 unless asked not to") {
  web_server server;
  struct row {
    const char* request;
    bool stays;
  };
  const auto row = GENERATE(values<struct row>({
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
      {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
      {"GET / HTTP/1.0\r\n\r\n", false},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
  }));
  raw_socket client{server.address()};
  client.send(row.request);
  const auto got = read_answer(client);
  CHECK(got.status == 200);
  CHECK(got.header("Connection") == (row.stays ? "keep-alive" : "close"));
  client.send(get("/again"));
  CHECK((read_answer(client).status == 200) == row.stays);
}

TEST_CASE("http: a body is asked for with 100-continue only when it will be taken") {
  web_server server;
  raw_socket client{server.address()};
  client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: 100-Continue\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("hi");
  CHECK(read_answer(client).body == "POST /echo?[hi]");
  CHECK(ask(server, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2000000\r\nExpect: 100-continue\r\n\r\n").status ==
        413);
  CHECK(ask(server, "POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\nExpect: magic\r\n\r\n").status == 417);
}

TEST_CASE("http: an answer may come later, and one that never comes is a 500") {
  web_server server;
  raw_socket client{server.address()};
  client.send(get("/later") + get("/next"));
  CHECK(server.eventually([&] { return server.later.size() == 1; }));
  CHECK(client.read_for(30ms).empty());
  server.answer_later("at last");
  CHECK(read_answer(client).body == "at last");
  CHECK(read_answer(client).body == "GET /next?[]");
  client.send(get("/drop"));
  const auto dropped = read_answer(client);
  CHECK(dropped.status == 500);
  CHECK(dropped.body.starts_with(R"({"error":"internal_server_error","message":")"));
}

TEST_CASE("http: a client that left before its answer disturbs nobody") {
  web_server server;
  raw_socket client{server.address()};
  client.send(get("/later"));
  CHECK(server.eventually([&] { return server.later.size() == 1; }));
  client.close_with_reset();
  server.answer_later("too late");
  CHECK(ask(server, get("/")).status == 200);
  CHECK(server.eventually([&] { return server.server->stats().connections <= 1; }));
}

TEST_CASE("http: a client that closed its half is still answered") {
  web_server server;
  raw_socket client{server.address()};
  client.send(get("/one") + get("/two"));
  client.finish();
  CHECK(read_answer(client).body == "GET /one?[]");
  CHECK(read_answer(client).body == "GET /two?[]");
  CHECK(client.at_end());
}

TEST_CASE("http: a large answer arrives whole, and the next request waits until it is read") {
  web_server server;
  raw_socket client{server.address(), 4'096};
  client.send(get("/big") + get("/next"));
  CHECK(server.eventually([&] { return server.requests.size() == 1; }));
  CHECK(read_answer(client).body == std::string(web_server::big_bytes, 'b'));
  CHECK(read_answer(client).body == "GET /next?[]");
}

// --- the parts that need no socket ---

TEST_CASE("http head: its verdict does not depend on how the bytes were cut") {
  const std::string bytes = "\r\nGET /a HTTP/1.1\r\nHost: t\r\nX: 1\r\n\r\nrest";
  const http_limits limits;
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    http_head head{limits};
    auto said = head.scan(std::string_view{bytes}.substr(0, cut));
    if (said == http_head::verdict::more) said = head.scan(bytes);
    CHECK(said == http_head::verdict::complete);
    CHECK(head.size() == bytes.size() - 4);
    CHECK(head.text(bytes) == "GET /a HTTP/1.1\r\nHost: t\r\nX: 1\r\n\r\n");
  }
}

TEST_CASE("http request: fields, lists and parameters are found as the standard reads them") {
  http_request request;
  request.fields = {{"Connection", "keep-alive , Upgrade"}, {"X-A", "1"}, {"x-a", "2"}, {"connection", "x"}};
  request.query = "a=1&b=%41+c&c&=d&a=2&e=%zz";
  CHECK(request.header("x-A") == "1");
  CHECK(request.header("none").empty());
  CHECK(request.lists("connection", "upgrade"));
  CHECK(request.lists("Connection", "X"));
  CHECK_FALSE(request.lists("Connection", "keep"));
  CHECK(request.parameter("a") == "1");
  CHECK(request.parameter("b") == "A c");
  CHECK(request.parameter("c").empty());
  CHECK(request.parameter("e").empty());
}

TEST_CASE("http answer: a field of its own stands in place of the server's") {
  const auto text = write_response({.fields = {{"content-security-policy", "default-src 'self'"}}}, "0123",
                                   connection_after::keep, body_of_answer::send, "X-More: 1\r\n");
  CHECK(text.find("Content-Security-Policy") == std::string::npos);
  CHECK(text.find("\r\ncontent-security-policy: default-src 'self'\r\n") != std::string::npos);
  CHECK(text.find("\r\nX-Frame-Options: DENY\r\n") != std::string::npos);
  CHECK(text.find("\r\nX-More: 1\r\n") != std::string::npos);
}

TEST_CASE("http answer: a problem is JSON whatever is in its message") {
  const auto text =
      write_response(http_error(404, "no \"x\"\n\\"), "0123", connection_after::keep, body_of_answer::send);
  CHECK(text.ends_with(R"({"error":"not_found","message":"no \"x\"\u000a\\","trace":"0123"})"));
  CHECK(http_method_not_allowed("GET, HEAD").fields[0].value == "GET, HEAD");
  CHECK(http_unsupported_media_type("application/json").status == 415);
  CHECK(http_too_many_requests(1ms).fields[0].value == "1");
  CHECK(http_unavailable(30s).fields[0].value == "30");
}

}  // namespace greenroom::runtime
