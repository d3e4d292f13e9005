#include "clients/url.hpp"

#include <catch2/catch.hpp>

#include "clients/failure.hpp"

using greenroom::clients::authority;
using greenroom::clients::errc;
using greenroom::clients::failure;
using greenroom::clients::parse_url;

TEST_CASE("url: a host and a port are enough, the path defaults to /ws") {
  const auto where = parse_url("ws://example.org:8080");
  CHECK(where.host == "example.org");
  CHECK(where.port == "8080");
  CHECK(where.target == "/ws");
  CHECK(parse_url("ws://example.org").port == "80");
  CHECK(parse_url("ws://example.org/").target == "/ws");
}

TEST_CASE("url: path and query reach the node as they stand") {
  CHECK(parse_url("ws://h:1/a/b?c=d").target == "/a/b?c=d");
  CHECK(parse_url("ws://h:1?c=d").target == "/ws?c=d");
}

TEST_CASE("url: an IPv6 address stands in brackets, also in the Host header") {
  const auto where = parse_url("ws://[::1]:8080/ws");
  CHECK(where.host == "::1");
  CHECK(where.port == "8080");
  CHECK(authority(where) == "[::1]:8080");
  CHECK(parse_url("ws://[::1]/ws").port == "80");
}

TEST_CASE("url: what is no address of a node is refused with a sentence that names it") {
  const auto* text =
      GENERATE("", "localhost:8080", "http://localhost:8080/ws", "wss://localhost/ws", "ws://", "ws://:80/ws",
               "ws://h:0/", "ws://h:65536/", "ws://h:80x/", "ws://h:/", "ws://::1:8080/ws", "ws://[::1/ws",
               "ws://ann:secret@h/ws", "ws://h:1/a b", "ws://h:1/a\r\nX: y");
  CAPTURE(text);
  try {
    parse_url(text);
    FAIL("was accepted");
  } catch (const failure& why) {
    CHECK(why.code() == errc::bad_url);
    CHECK_THAT(why.what(), Catch::StartsWith("\"" + std::string{text} + "\""));
  }
}
