#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "tests/support/http_client.hpp"

/// Each row of what HTTP requests must not be: one place, one line a row.
namespace greenroom::runtime {

using namespace tests;

// --- bad input ---

TEST_CASE("http: bad input is answered with its status, and closes") {
  struct row {
    const char* what;
    std::string bytes;
    unsigned status;
  };
  const std::string line = "POST / HTTP/1.1\r\nHost: t\r\n";
  std::string many_fields = "GET / HTTP/1.1\r\nHost: t\r\n";
  for (int i = 0; i != 64; ++i) many_fields += "X-" + std::to_string(i) + ": 1\r\n";
  const std::vector<row> rows{
      {"a request line of spaces", "   \r\n\r\n", 400},
      {"two empty lines before a request", "\r\n\r\n" + get("/"), 400},
      {"an LF before a request", "\n" + get("/"), 400},
      {"a CR before a request", "\r" + get("/"), 400},
      {"a space before the method", " " + get("/"), 400},
      {"a tab for a space", "GET\t/ HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a space behind the version", "GET / HTTP/1.1 \r\nHost: t\r\n\r\n", 400},
      {"a space within the target", "GET /a b HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a vertical tab within the target", "GET /a\vb HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a DEL within the target", "GET /a\x7f HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a method with a colon", "G:T / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a method with a slash", "GE/T / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a method that is not ASCII", "G\xc3\x89T / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a version in small letters", "GET / http/1.1\r\nHost: t\r\n\r\n", 400},
      {"a version of one number", "GET / HTTP/1\r\nHost: t\r\n\r\n", 400},
      {"a version with too many digits", "GET / HTTP/1.10\r\nHost: t\r\n\r\n", 400},
      {"a version with a zero in front", "GET / HTTP/01.1\r\nHost: t\r\n\r\n", 400},
      {"HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", 505},
      {"HTTP/3.0", "GET / HTTP/3.0\r\nHost: t\r\n\r\n", 505},
      {"another protocol", "GET / ICY/1.1\r\nHost: t\r\n\r\n", 400},
      {"a bare LF at the end", "GET / HTTP/1.1\r\nHost: t\r\n\n", 400},
      {"a CR twice", "GET / HTTP/1.1\r\r\nHost: t\r\n\r\n", 400},
      {"a NUL in a field's name", std::string("GET / HTTP/1.1\r\nHost: t\r\nX\0: 1\r\n\r\n", 34), 400},
      {"a NUL before everything", std::string("\0GET / HTTP/1.1\r\nHost: t\r\n\r\n", 28), 400},
      {"a field folded by a tab", "GET / HTTP/1.1\r\nHost: t\r\nX: 1\r\n\t2\r\n\r\n", 400},
      {"a folded end", "GET / HTTP/1.1\r\nHost: t\r\n \r\n\r\n", 400},
      {"a tab before the colon", "GET / HTTP/1.1\r\nHost\t: t\r\n\r\n", 400},
      {"a space within a name", "GET / HTTP/1.1\r\nHost: t\r\nX Y: 1\r\n\r\n", 400},
      {"a bracket in a name", "GET / HTTP/1.1\r\nHost: t\r\nX[1]: 1\r\n\r\n", 400},
      {"a name that is not ASCII", "GET / HTTP/1.1\r\nHost: t\r\nX\xc3\xa9: 1\r\n\r\n", 400},
      {"a DEL in a field", "GET / HTTP/1.1\r\nHost: t\r\nX: \x7f\r\n\r\n", 400},
      {"an empty Host of many", "GET / HTTP/1.1\r\nHost: \r\nHost: t\r\n\r\n", 400},
      {"two Hosts in different case", "GET / HTTP/1.1\r\nHost: a\r\nhOsT: b\r\n\r\n", 400},
      {"a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"a Host with somebody's name", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400},
      {"a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"an escape cut off", get("/%"), 400},
      {"an escape of Unicode", get("/%u0041"), 400},
      {"an escaped NUL in the end", get("/x%00"), 400},
      {"an escape with a sign", get("/%+1"), 400},
      {"a target that is a fragment", get("#x"), 400},
      {"a target that is a query", get("?x"), 400},
      {"an absolute form of another protocol", get("ftp://t/"), 400},
      {"an absolute form without a host", get("http:///x"), 400},
      {"CONNECT with a path", "CONNECT / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"an empty length", line + "Content-Length: \r\n\r\n", 400},
      {"a length in hexadecimal", line + "Content-Length: 0x2\r\n\r\nhi", 400},
      {"a length with a space within", line + "Content-Length: 1 0\r\n\r\nhi", 400},
      {"a length with a point", line + "Content-Length: 2.0\r\n\r\nhi", 400},
      {"a length with a minus zero", line + "Content-Length: -0\r\n\r\n", 400},
      {"a length in other digits", line + "Content-Length: \xd9\xa2\r\n\r\nhi", 400},
      {"a list of equal lengths with a tab", line + "Content-Length: 2\t,2\r\n\r\nhi", 400},
      {"lengths in different case", line + "Content-Length: 2\r\ncontent-length: 2\r\n\r\nhi", 400},
      {"length zero and chunked", line + "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a length and a coding that is none", line + "Content-Length: 2\r\nTransfer-Encoding: identity\r\n\r\nhi", 400},
      {"identity", line + "Transfer-Encoding: identity\r\n\r\n", 400},
      {"an empty coding", line + "Transfer-Encoding: \r\n\r\n0\r\n\r\n", 400},
      {"chunked with a parameter", line + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", 501},
      {"chunked in quotes", line + "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", 400},
      {"chunked and chunked in one field", line + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked with a letter too much", line + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked with a vertical tab", line + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400},
      {"a coding whose name has a space behind it", line + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400},
      {"a chunk size with a plus", line + "Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n", 400},
      {"a chunk size with a minus", line + "Transfer-Encoding: chunked\r\n\r\n-1\r\na\r\n0\r\n\r\n", 400},
      {"a chunk size with 0x", line + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", 400},
      {"a chunk size with a space before it", line + "Transfer-Encoding: chunked\r\n\r\n 1\r\na\r\n0\r\n\r\n", 400},
      {"a chunk size that is a word", line + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
      {"a chunk size that ends with LF", line + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n", 400},
      {"a chunk that ends with LF", line + "Transfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n", 400},
      {"a last chunk that ends with LF", line + "Transfer-Encoding: chunked\r\n\r\n0\n\r\n\r\n", 400},
      {"a coding among the trailers", line + "Transfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: x\r\n\r\n",
       400},
      {"another expectation", line + "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx", 417},
      {"a body over 1 MiB by far", line + "Content-Length: 18446744073709551615\r\n\r\n", 413},
      {"an endless field name", "GET / HTTP/1.1\r\n" + std::string(9'000, 'x'), 431},
      {"endless empty fields",
       "GET / HTTP/1.1\r\n" +
           [] {
             std::string all;
             for (int i = 0; i != 3'000; ++i) all += "a:\r\n";
             return all;
           }(),
       431},
      {"an endless trailer", line + "Transfer-Encoding: chunked\r\n\r\n0\r\nX: " + std::string(70'000, 'x'), 400},
      {"no HTTP at all", "\x16\x03\x01\x02\x01\r\n", 400},
      {"a request line of one word", "GET\r\n\r\n", 400},
      {"no version", "GET /\r\n\r\n", 400},
      {"a version that is none", "GET / HTTP/1.x\r\n\r\n", 400},
      {"HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"HTTP/1.2", "GET / HTTP/1.2\r\nHost: t\r\n\r\n", 505},
      {"two spaces", "GET  / HTTP/1.1\r\nHost: t\r\n\r\n", 400},
      {"a bare LF", "GET / HTTP/1.1\nHost: t\r\n\r\n", 400},
      {"a bare LF between fields", "GET / HTTP/1.1\r\nHost: t\nX: 1\r\n\r\n", 400},
      {"a bare CR", "GET / HTTP/1.1\r\nHost: t\rX: 1\r\n\r\n", 400},
      {"a NUL in the target", std::string("GET /\0 HTTP/1.1\r\nHost: t\r\n\r\n", 28), 400},
      {"a NUL in a field", std::string("GET / HTTP/1.1\r\nHost: t\r\nX: \0\r\n\r\n", 33), 400},
      {"a folded field", "GET / HTTP/1.1\r\nHost: t\r\nX: 1\r\n 2\r\n\r\n", 400},
      {"a folded first field", "GET / HTTP/1.1\r\n Host: t\r\n\r\n", 400},
      {"a space before the colon", "GET / HTTP/1.1\r\nHost : t\r\n\r\n", 400},
      {"a field without a name", "GET / HTTP/1.1\r\nHost: t\r\n: x\r\n\r\n", 400},
      {"a field without a colon", "GET / HTTP/1.1\r\nHost: t\r\nX\r\n\r\n", 400},
      {"a control character in a field", "GET / HTTP/1.1\r\nHost: t\r\nX: \x01\r\n\r\n", 400},
      {"no Host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"a Host that is a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400},
      {"a broken escape", get("/%4"), 400},
      {"an escape that is not hexadecimal", get("/%zz"), 400},
      {"an escaped NUL", get("/a%00b"), 400},
      {"a target without a slash", get("nowhere"), 400},
      {"a star for GET", get("*"), 400},
      {"an authority for a target", "CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n", 400},
      {"two equal lengths", line + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400},
      {"two lengths", line + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi", 400},
      {"a list of lengths", line + "Content-Length: 2, 2\r\n\r\nhi", 400},
      {"a negative length", line + "Content-Length: -1\r\n\r\n", 400},
      {"a length with a plus", line + "Content-Length: +1\r\n\r\nx", 400},
      {"a length over 64 bits", line + "Content-Length: 18446744073709551616\r\n\r\n", 400},
      {"length and chunked", line + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"chunked and length", line + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n", 400},
      {"chunked twice", line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a coding that does not end", line + "Transfer-Encoding: gzip\r\n\r\n", 400},
      {"chunked, but not last", line + "Transfer-Encoding: chunked, gzip\r\n\r\n", 400},
      {"a coding that is not known", line + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"a chunk without a size", line + "Transfer-Encoding: chunked\r\n\r\n\r\n", 400},
      {"a chunk that is longer than it says", line + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n", 400},
      {"a chunk size over 64 bits", line + "Transfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 400},
      {"a length among the trailers", line + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n", 400},
      {"an endless chunk extension", line + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(70'000, 'x'), 400},
      {"a request line over 4 KiB", "GET /" + std::string(4'096, 'a') + " HTTP/1.1\r\n\r\n", 414},
      {"an endless request line", std::string(5'000, 'G'), 414},
      {"fields over 8 KiB", "GET / HTTP/1.1\r\nHost: t\r\nX: " + std::string(8'192, 'x') + "\r\n\r\n", 431},
      {"endless fields", "GET / HTTP/1.1\r\nX: " + std::string(9'000, 'x'), 431},
      {"65 fields", many_fields + "\r\n", 431},
      {"a body over 1 MiB", line + "Content-Length: 1048577\r\n\r\n", 413},
      {"chunks over 1 MiB", line + "Transfer-Encoding: chunked\r\n\r\n100001\r\n", 413},
      {"many chunks over 1 MiB",
       line + "Transfer-Encoding: chunked\r\n\r\n80000\r\n" + std::string(0x80000, 'x') + "\r\n80001\r\n", 413},
  };
  web_server server;
  for (const auto& row : rows) {
    CAPTURE(row.what);
    raw_socket client{server.address()};
    client.send(row.bytes);
    const auto got = read_answer(client);
    CHECK(got.status == row.status);
    CHECK(got.header("Connection") == "close");
    CHECK(got.header("Content-Type") == "application/json");
    CHECK(got.body.starts_with("{\"error\":\""));
    CHECK(got.body.find("\"trace\":\"") != std::string::npos);
    CHECK(client.at_end());
    CHECK_FALSE(client.was_reset());
  }
  CHECK(server.on_shard([&] { return server.requests.empty(); }));
  CHECK(server.lines().size() == rows.size());
}

TEST_CASE("http: what is exactly at a limit is taken") {
  web_server server;
  const std::string line = "GET / HTTP/1.1";
  CHECK(ask(server, get("/" + std::string(4'096 - line.size(), 'a'))).status == 200);
  const std::string host = "Host: t\r\n";
  CHECK(ask(server, line + "\r\n" + host + "X: " + std::string(8'192 - host.size() - 5, 'x') + "\r\n\r\n").status ==
        200);
  std::string fields = line + "\r\n" + host;
  for (int i = 0; i != 63; ++i) fields += "X: 1\r\n";
  CHECK(ask(server, fields + "\r\n").status == 200);
  CHECK(ask(server, post(std::string(1U << 20, 'x'))).body.size() == (1U << 20) + 13);
}

TEST_CASE("http: a large body that is refused does not cost the client its answer") {
  web_server server;
  raw_socket client{server.address()};
  client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3000000\r\n\r\n" + std::string(3'000'000, 'x'));
  CHECK(read_answer(client).status == 413);
  CHECK_FALSE(client.was_reset());
}

}  // namespace greenroom::runtime
