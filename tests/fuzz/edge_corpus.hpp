#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/proxy_bytes.hpp"
#include "tests/support/raw_deflate.hpp"
#include "tests/support/raw_socket.hpp"

/// Inputs to begin with, and pieces worth inserting.
namespace greenroom::runtime::fuzz {

inline constexpr std::string_view edge_tokens[] = {"\r\n",
                                                   "\r\n\r\n",
                                                   "\n",
                                                   "\r",
                                                   ": ",
                                                   " ",
                                                   "\t",
                                                   ",",
                                                   ", ",
                                                   ";",
                                                   "=",
                                                   "\"",
                                                   "Content-Length: 2\r\n",
                                                   "Transfer-Encoding: chunked\r\n",
                                                   "Expect: 100-continue\r\n",
                                                   "Connection: close\r\n",
                                                   "Host: a\r\n",
                                                   "HTTP/1.0",
                                                   "HTTP/1.1",
                                                   "GET ",
                                                   "POST ",
                                                   "OPTIONS * ",
                                                   "%00",
                                                   "%2f",
                                                   "0\r\n\r\n",
                                                   "ffffffffffffffff",
                                                   "18446744073709551615",
                                                   "-1",
                                                   "+1",
                                                   "0x",
                                                   "https://",
                                                   "http://",
                                                   "*.",
                                                   "xn--",
                                                   "[::1]",
                                                   "127.0.0.1",
                                                   "null",
                                                   ":443",
                                                   ":65536",
                                                   "wild.example",
                                                   "\x81",
                                                   "\x82",
                                                   "\x80",
                                                   "\x88\x80\x01\x02\x03\x04",
                                                   "\x89\x80\x01\x02\x03\x04",
                                                   "\xc1",
                                                   "\xfe",
                                                   "\xff",
                                                   "\x7f\xff\xff\xff\xff\xff\xff\xff",
                                                   "\xe2\x82",
                                                   "\xed\xa0\x80",
                                                   "\xf4\x90",
                                                   "[gateway]\n",
                                                   "[access]\n",
                                                   "[namespace.x]\n",
                                                   "[endpoint.x]\n",
                                                   "listen = ",
                                                   "[]",
                                                   "\"25s\"",
                                                   "16MiB",
                                                   "true",
                                                   "10.0.0.0/8",
                                                   "GREENROOM_GATEWAY_",
                                                   "\x21\x11",
                                                   "permessage-deflate",
                                                   "server_max_window_bits"};

inline std::vector<std::string> http_corpus() {
  const std::string post = "POST /a?b=c HTTP/1.1\r\nHost: t\r\n";
  return {"GET / HTTP/1.1\r\nHost: t\r\n\r\n",
          "GET /%41?x=%20&y HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD * HTTP/1.1\r\nHost: t\r\n\r\n",
          "OPTIONS * HTTP/1.1\r\nHost: t\r\n\r\nGET http://t/x HTTP/1.1\r\nHost: t\r\n\r\n",
          post + "Content-Length: 5\r\n\r\nhello" + post + "Content-Length: 0\r\nConnection: close\r\n\r\n",
          post +
              "Transfer-Encoding: chunked\r\n\r\n3;x=\"y\"\r\nabc\r\n0\r\nX: trailer\r\n\r\nGET /next "
              "HTTP/1.1\r\nHost: t\r\n\r\n",
          post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
          post + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          post + "Content-Length: 2, 2\r\nX: 1\r\n 2\r\n\r\nhi",
          "\r\nGET /a HTTP/1.1\r\nHost: t\r\nX-Forwarded-For: 1.2.3.4, 5.6.7.8\r\nOrigin: null\r\n\r\n",
          tests::ws::handshake("/ws", "Sec-WebSocket-Protocol: a, b\r\n") + tests::ws::frame(tests::ws::text, "early")};
}

inline std::vector<std::string> frames_corpus() {
  namespace ws = tests::ws;
  const auto squeezed = [](std::string_view text, bool fin = true) {
    auto one = ws::frame(ws::text, tests::squeezed(text), fin);
    one[0] = static_cast<char>(one[0] | 0x40);
    return one;
  };
  return {std::string{"\0", 1} + ws::frame(ws::text, "hello") + ws::frame(ws::binary, std::string(300, '\xff')),
          std::string{"\0", 1} + ws::frame(ws::text, "\xe2\x82", false) + ws::frame(ws::ping, "p") +
              ws::frame(ws::continuation, "\xac") + ws::frame(ws::close, ws::close_payload(1000, "bye")),
          std::string{"\0", 1} + ws::frame(ws::text, "", false) + ws::frame(ws::continuation, "", false) +
              ws::frame(ws::continuation, ""),
          std::string{"\0", 1} + ws::frame(ws::binary, std::string(2'048, 'x')) + ws::frame(ws::pong, "1") +
              ws::frame(ws::close, ""),
          std::string{"\0", 1} + ws::frame(ws::close, "\x03") + ws::frame(ws::text, "late"),
          "\1" + squeezed("hello hello hello") + ws::frame(ws::text, "plain") + squeezed(std::string(2'048, 'a')),
          "\1" + squeezed(std::string(3'000, 'a')) + squeezed("after"),
          "\1" + squeezed("in two", false) + ws::frame(ws::continuation, "") +
              ws::frame(ws::close, ws::close_payload(4'000))};
}

inline std::vector<std::string> deflate_corpus() {
  std::string many;
  for (int i = 0; i != 200; ++i) many += "row " + std::to_string(i * i) + '\n';
  return {"\x0a" + tests::squeezed("hello"),
          "\x11" + tests::squeezed(many),
          "\x08" + tests::squeezed(std::string(60'000, 'a')),
          "\x05" + tests::squeezed(many, 9, 9),
          std::string("\x0c\x00\x05\x00\xfa\xffhello", 11),
          "\x0apermessage-deflate; client_max_window_bits, x; y=\"z\"",
          "\x06permessage-deflate; server_max_window_bits=10; server_no_context_takeover"};
}

inline std::vector<std::string> proxy_corpus() {
  namespace bytes = tests::proxy_bytes;
  return {bytes::header(bytes::tcp4, bytes::v4("203.0.113.9", "192.0.2.1", 50'000, 443)),
          bytes::header(bytes::tcp6, bytes::v6("2001:db8::9", "::1", 1, 2) + std::string("\x04\x00\x03xyz", 6)),
          bytes::head(0x20, 0, 0) + "GET / HTTP/1.1\r\n",
          bytes::head(0x21, 0, 4) + "abcd",
          bytes::header(0x31, std::string(216, '/')),
          "PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n"};
}

inline std::vector<std::string> origin_corpus() {
  return {"https://example.org",
          "http://[2001:db8::1]:8080",
          "http://127.0.0.1:3000",
          "https://*.wild.example",
          "https://a.wild.example",
          "null",
          "app://localhost",
          "https://xn--bcher-kva.example:8443",
          "EXAMPLE.org:443",
          "[::1]:80",
          "203.0.113.9, 10.0.0.1,127.0.0.1",
          "[2001:db8::1]:9, 10.1.1.1",
          "for=1.2.3.4",
          "https://example.org, https://evil.com"};
}

inline std::vector<std::string> config_corpus() {
  return {
      "[gateway]\nlisten = [\"127.0.0.1:0\", \"tls://[::1]:8443\"]\nping_interval_ms = \"25s\"\nproxies = "
      "[\"10.0.0.0/8\", \"::1\"]\nproxy_protocol = true\n"
      "[tls]\ncertificate = \"c\"\nkey = \"k\"\n",
      "[access]\nanonymous = \"loopback\"\nallowed_origins = [\"https://*.example.org\", \"null\"]\n[tokens]\nkeys = "
      "[\"HS256:secret\"]\n",
      "[namespace.chat]\nhistory_count = 5\ndurable = true\nslow_members = \"spill\"\n[endpoint.x]\npath = "
      "\"/x\"\nprotocol = \"native\"\n",
      "gateway.listen=127.0.0.1:1, "
      "[::1]:2\nnode.shards=4\nlog.level=debug\nGREENROOM_GATEWAY_PROXIES=10.0.0.0/"
      "8\nGREENROOM_NAMESPACE_CHAT_DURABLE=true\n",
      "[outbox]\nbytes_max = \"1GiB\"\nframes_max = 99999999999\n[nod]\nshard = -1\n",
      "a = [1, 2\n",
      "x = 1979-05-27T07:32:00Z\ny.z = { a = 1 }\n"};
}

}  // namespace greenroom::runtime::fuzz
