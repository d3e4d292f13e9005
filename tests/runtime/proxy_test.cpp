#include <catch2/catch.hpp>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "runtime/edge_watch.hpp"
#include "runtime/forwarded.hpp"
#include "runtime/ip_network.hpp"
#include "runtime/proxy_header.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/proxy_bytes.hpp"
#include "tests/support/tls_server.hpp"
#include "tests/support/tls_socket.hpp"

namespace greenroom::runtime {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace tests;

// --- addresses and networks ---

TEST_CASE("ip network: addresses and networks of both families, and nothing that only resembles one") {
  for (const auto* good :
       {"10.0.0.0/8", "0.0.0.0/0", "192.0.2.7", "192.0.2.7/32", "2001:db8::/32", "::/0", "::1", "fe80::/10"}) {
    CAPTURE(good);
    CHECK(ip_network::parse(good));
  }
  for (const auto* bad : {"",
                          "/",
                          "10.0.0.0/",
                          "/8",
                          "10.0.0.1/8",
                          "10.0.0.0/33",
                          "10.0.0.0/-1",
                          "10.0.0.0/+8",
                          "10.0.0.0/08",
                          "10.0.0.0/8 ",
                          " 10.0.0.0/8",
                          "10.0.0/8",
                          "10.0.0.0/8/8",
                          "010.0.0.0/8",
                          "localhost",
                          "2001:db8::1/32",
                          "::/129",
                          "[::1]",
                          "[::]/0",
                          "::1%lo",
                          "::ffff:10.0.0.0/104",
                          "::ffff:10.0.0.1",
                          "10.0.0.0/255.0.0.0",
                          "*"}) {
    CAPTURE(bad);
    CHECK_FALSE(ip_network::parse(bad));
  }
  struct row {
    const char *network, *address;
    bool holds;
  };
  for (const auto& [network, address, holds] : std::vector<row>{{"10.0.0.0/8", "10.255.255.255", true},
                                                                {"10.0.0.0/8", "11.0.0.0", false},
                                                                {"192.0.2.128/25", "192.0.2.127", false},
                                                                {"192.0.2.128/25", "192.0.2.128", true},
                                                                {"192.0.2.7", "192.0.2.7", true},
                                                                {"192.0.2.7", "192.0.2.6", false},
                                                                {"0.0.0.0/0", "203.0.113.9", true},
                                                                {"0.0.0.0/0", "::1", false},
                                                                {"::/0", "203.0.113.9", false},
                                                                {"::/0", "2001:db8::1", true},
                                                                {"10.0.0.0/8", "::ffff:10.1.2.3", true},
                                                                {"::/0", "::ffff:10.1.2.3", false},
                                                                {"2001:db8::/33", "2001:db8:8000::", false},
                                                                {"2001:db8::/33", "2001:db8:7fff::1", true},
                                                                {"10.0.0.0/9", "10.128.0.0", false},
                                                                {"::1", "::1", true}}) {
    CAPTURE(network, address);
    CHECK(ip_network::parse(network)->holds(*ip_address::parse(address)) == holds);
  }
}

TEST_CASE("ip address: with and without a port, as proxies write it") {
  struct row {
    const char* text;
    const char* read;  ///< empty: it is none
  };
  for (const auto& [text, read] : std::vector<row>{{"192.0.2.7", "192.0.2.7:0"},
                                                   {"192.0.2.7:80", "192.0.2.7:80"},
                                                   {"2001:db8::1", "[2001:db8::1]:0"},
                                                   {"[2001:db8::1]", "[2001:db8::1]:0"},
                                                   {"[2001:db8::1]:443", "[2001:db8::1]:443"},
                                                   {"::ffff:192.0.2.7", "192.0.2.7:0"},
                                                   {"[::ffff:192.0.2.7]:1", "192.0.2.7:1"},
                                                   {"", ""},
                                                   {"unknown", ""},
                                                   {"_secret", ""},
                                                   {"192.0.2.7:", ""},
                                                   {"192.0.2.7:65536", ""},
                                                   {"192.0.2.7:080", ""},
                                                   {"192.0.2.7:-1", ""},
                                                   {"192.0.2", ""},
                                                   {"192.0.2.07", ""},
                                                   {"192.0.2.7 ", ""},
                                                   {"[192.0.2.7]", ""},
                                                   {"[2001:db8::1", ""},
                                                   {"2001:db8::1]", ""},
                                                   {"[2001:db8::1]443", ""},
                                                   {"[]", ""},
                                                   {"[2001:db8::1]:", ""},
                                                   {"fe80::1%eth0", ""},
                                                   {"example.org", ""},
                                                   {"\"192.0.2.7\"", ""},
                                                   {"for=192.0.2.7", ""}}) {
    CAPTURE(text);
    const auto got = ip_and_port::parse(text);
    if (std::string_view{read}.empty()) {
      CHECK_FALSE(got);
    } else {
      REQUIRE(got);
      CHECK(got->address.text_with(got->port) == read);
    }
  }
}

// --- X-Forwarded-For ---

TEST_CASE("forwarded: the client is the last address that no listed proxy has written for itself") {
  struct row {
    const char* what;
    std::vector<http_field> fields;
    const char* client;
    bool is_loopback = false, secure = false, malformed = false;
  };
  const proxy_rules rules{ip_networks{std::vector<std::string>{"127.0.0.1", "10.0.0.0/8", "2001:db8::/32"}}};
  const socket_end proxy{"127.0.0.1:40000", true};
  for (const auto& row : std::vector<row>{
           {"no field", {}, "127.0.0.1:40000"},
           {"one", {{"X-Forwarded-For", "203.0.113.9"}}, "203.0.113.9:0"},
           {"what the client sent itself is to the left",
            {{"X-Forwarded-For", "1.2.3.4, 203.0.113.9"}},
            "203.0.113.9:0"},
           {"a loopback that the client made up", {{"X-Forwarded-For", "127.0.0.1, 203.0.113.9"}}, "203.0.113.9:0"},
           {"through two proxies", {{"X-Forwarded-For", "203.0.113.9, 10.1.1.1"}}, "203.0.113.9:0"},
           {"through proxies of both families",
            {{"X-Forwarded-For", "203.0.113.9,2001:db8::5 ,\t10.1.1.1"}},
            "203.0.113.9:0"},
           {"a forged proxy in front", {{"X-Forwarded-For", "10.9.9.9, 203.0.113.9, 10.1.1.1"}}, "203.0.113.9:0"},
           {"all are proxies: the first", {{"X-Forwarded-For", "10.2.2.2, 10.1.1.1"}}, "10.2.2.2:0"},
           {"two fields are one list",
            {{"X-Forwarded-For", "203.0.113.9"}, {"x-forwarded-for", "10.1.1.1"}},
            "203.0.113.9:0"},
           {"two fields, the client's first",
            {{"X-Forwarded-For", "127.0.0.1"}, {"X-FORWARDED-FOR", "203.0.113.9"}},
            "203.0.113.9:0"},
           {"with a port", {{"X-Forwarded-For", "203.0.113.9:5555"}}, "203.0.113.9:5555"},
           {"IPv6", {{"X-Forwarded-For", "2001:dead::1"}}, "[2001:dead::1]:0"},
           {"IPv6 with a port", {{"X-Forwarded-For", "[2001:dead::1]:5"}}, "[2001:dead::1]:5"},
           {"IPv4 in IPv6", {{"X-Forwarded-For", "::ffff:203.0.113.9"}}, "203.0.113.9:0"},
           {"rubbish to the left does not matter", {{"X-Forwarded-For", "<script>, 203.0.113.9"}}, "203.0.113.9:0"},
           {"the proxy's own machine", {{"X-Forwarded-For", "127.0.0.1"}}, "127.0.0.1:0", true},
           {"the IPv6 loopback, which is not listed", {{"X-Forwarded-For", "::1"}}, "[::1]:0", true},
           {"by TLS",
            {{"X-Forwarded-For", "203.0.113.9"}, {"X-Forwarded-Proto", "https"}},
            "203.0.113.9:0",
            false,
            true},
           {"by TLS in capitals", {{"X-Forwarded-Proto", "HTTPS"}}, "127.0.0.1:40000", false, true},
           {"not by TLS", {{"X-Forwarded-Proto", "http"}}, "127.0.0.1:40000"},
           {"the last scheme counts", {{"X-Forwarded-Proto", "https, http"}}, "127.0.0.1:40000"},
           {"the last of two scheme fields counts",
            {{"X-Forwarded-Proto", "http"}, {"X-Forwarded-Proto", "https"}},
            "127.0.0.1:40000",
            false,
            true},
           {"a scheme of another word", {{"X-Forwarded-Proto", "wss"}}, "127.0.0.1:40000"},
           {"empty", {{"X-Forwarded-For", ""}}, "127.0.0.1:40000", false, false, true},
           {"a comma", {{"X-Forwarded-For", ","}}, "127.0.0.1:40000", false, false, true},
           {"a comma behind", {{"X-Forwarded-For", "203.0.113.9,"}}, "127.0.0.1:40000", false, false, true},
           {"rubbish to the right",
            {{"X-Forwarded-For", "203.0.113.9, unknown"}},
            "127.0.0.1:40000",
            false,
            false,
            true},
           {"rubbish behind a proxy",
            {{"X-Forwarded-For", "203.0.113.9, _x, 10.1.1.1"}},
            "127.0.0.1:40000",
            false,
            false,
            true},
           {"spaces instead of commas",
            {{"X-Forwarded-For", "203.0.113.9 10.1.1.1"}},
            "127.0.0.1:40000",
            false,
            false,
            true},
           {"RFC 7239 is not read", {{"Forwarded", "for=203.0.113.9;proto=https"}}, "127.0.0.1:40000"},
           {"X-Real-IP is not read", {{"X-Real-IP", "203.0.113.9"}}, "127.0.0.1:40000"},
       }) {
    CAPTURE(row.what);
    http_request request;
    request.fields = row.fields;
    const auto got = client_of(request, proxy, rules, true);
    CHECK(got.end.text == row.client);
    CHECK(got.end.is_loopback == row.is_loopback);
    CHECK(got.secure == row.secure);
    CHECK(got.malformed == row.malformed);
  }
}

TEST_CASE("forwarded: who is not listed is not believed, and shows that its client is elsewhere") {
  const proxy_rules rules{ip_networks{std::vector<std::string>{"10.0.0.0/8"}}};
  const socket_end peer{"127.0.0.1:40000", true};
  CHECK_FALSE(rules.lists(peer));
  CHECK(rules.lists({"10.3.2.1:9", false}));
  CHECK_FALSE(rules.lists({"", false}));
  CHECK_FALSE(proxy_rules{}.lists(peer));
  http_request request;
  CHECK(client_of(request, peer, rules, false).end.is_loopback);
  for (const auto* name : {"X-Forwarded-For", "x-forwarded-for", "Forwarded", "X-Real-IP", "Via"}) {
    CAPTURE(name);
    request.fields = {{name, "127.0.0.1"}, {"X-Forwarded-Proto", "https"}};
    const auto got = client_of(request, peer, rules, false);
    CHECK(got.end.text == peer.text);
    CHECK_FALSE(got.end.is_loopback);
    CHECK_FALSE(got.secure);
    CHECK_FALSE(got.malformed);
  }
}

// --- the PROXY protocol ---

TEST_CASE("proxy header: each row of what it may and must not be, in random pieces") {
  struct row {
    const char* what;
    std::string bytes;
    const char* source;  ///< null: malformed; empty: the proxy does not say
  };
  using namespace proxy_bytes;
  const std::vector<row> rows{
      {"IPv4", header(tcp4, v4("203.0.113.9", "192.0.2.1", 50'000, 443)), "203.0.113.9:50000"},
      {"IPv6", header(tcp6, v6("2001:db8::9", "2001:db8::1", 50'000, 443)), "[2001:db8::9]:50000"},
      {"IPv4 in IPv6", header(tcp6, v6("::ffff:203.0.113.9", "::1", 1, 2)), "203.0.113.9:1"},
      {"TLVs are skipped", header(tcp4, v4("203.0.113.9", "192.0.2.1", 1, 2) + std::string("\x04\x00\x03xyz", 6)),
       "203.0.113.9:1"},
      {"536 bytes", header(tcp4, v4("203.0.113.9", "192.0.2.1", 1, 2) + std::string(524, 'x')), "203.0.113.9:1"},
      {"537 bytes", header(tcp4, v4("203.0.113.9", "192.0.2.1", 1, 2) + std::string(525, 'x')), nullptr},
      {"65535 bytes", head(0x21, tcp4, 65'535), nullptr},
      {"LOCAL", head(0x20, 0, 0), ""},
      {"LOCAL with addresses, which do not count", head(0x20, tcp4, 12) + v4("203.0.113.9", "192.0.2.1", 1, 2), ""},
      {"LOCAL of an unknown family", head(0x20, 0x77, 3) + "abc", ""},
      {"UNSPEC", head(0x21, 0x00, 0), ""},
      {"UNSPEC with bytes", head(0x21, 0x00, 5) + "abcde", ""},
      {"a Unix socket", header(0x31, std::string(216, '/')), ""},
      {"a Unix socket cut short", header(0x31, std::string(215, '/')), nullptr},
      {"IPv4 cut short", header(tcp4, std::string(11, '\1')), nullptr},
      {"IPv6 cut short", header(tcp6, std::string(35, '\1')), nullptr},
      {"IPv4 by UDP", header(0x12, std::string(12, '\1')), nullptr},
      {"IPv6 by UDP", header(0x22, std::string(36, '\1')), nullptr},
      {"TCP of no family", header(0x01, ""), nullptr},
      {"an unknown family", header(0x41, std::string(300, '\1')), nullptr},
      {"an unknown transport", header(0x13, std::string(12, '\1')), nullptr},
      {"an unknown command", head(0x22, tcp4, 12) + std::string(12, '\1'), nullptr},
      {"version 1 in version 2's place", head(0x11, tcp4, 12) + std::string(12, '\1'), nullptr},
      {"version 3", head(0x31, tcp4, 12) + std::string(12, '\1'), nullptr},
      {"version 1", "PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n", nullptr},
      {"a request", "GET / HTTP/1.1\r\nHost: t\r\n\r\n", nullptr},
      {"a TLS record", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), nullptr},
      {"the signature with a wrong byte",
       "\r\n\r\n"s + std::string("\0\r\nQUIX\n", 8) + "\x21\x11" + std::string(14, '\0'), nullptr},
      {"CRLFs alone", "\r\n\r\n\r\n\r\n\r\n\r\n", nullptr},
  };
  std::mt19937 random{20'260'101U};
  for (const auto& row : rows) {
    CAPTURE(row.what);
    for (int round = 0; round != 50; ++round) {
      proxy_header header;
      auto said = proxy_header::verdict::more;
      std::size_t at = 0;
      while (said == proxy_header::verdict::more && at < row.bytes.size()) {
        const auto size =
            std::min({std::size_t{1} + random() % (round == 0 ? 1 : 60), header.wants(), row.bytes.size() - at});
        said = header.feed(std::string_view{row.bytes}.substr(at, size));
        at += size;
      }
      REQUIRE((said == proxy_header::verdict::complete) == (row.source != nullptr));
      REQUIRE(said != proxy_header::verdict::more);
      CHECK(header.wants() == 0);
      if (!row.source) continue;
      CHECK(at == row.bytes.size());
      const auto& from = header.source();
      CHECK((from ? from->address.text_with(from->port) : "") == row.source);
      CHECK(from.has_value() == header.destination().has_value());
    }
  }
}

namespace {

std::shared_ptr<const proxy_rules> trusting(const char* whom, bool by_protocol) {
  return std::make_shared<const proxy_rules>(proxy_rules{ip_networks{std::vector<std::string>{whom}}, by_protocol});
}

http_server_options behind(std::shared_ptr<const proxy_rules> proxies, std::uint64_t hsts_seconds = 0,
                           std::uint32_t header_ms = 10'000) {
  http_server_options all;
  all.proxies = std::move(proxies);
  all.hsts_seconds = hsts_seconds;
  all.limits.header_ms = header_ms;
  return all;
}

struct seen {
  std::string peer;
  bool is_loopback, secure;
};
seen last_of(web_server& server) {
  return server.on_shard([&] {
    const auto& request = server.requests.back();
    return seen{request.peer, request.is_loopback, request.secure};
  });
}

}  // namespace

TEST_CASE("proxy: a listed one's X-Forwarded-For is the client in requests, in the log and of WebSockets") {
  web_server server{behind(trusting("127.0.0.0/8", false), 60)};
  const auto by = "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n";
  const auto got = ask(server, get("/", by));
  CHECK(got.status == 200);
  CHECK(got.header("Strict-Transport-Security") == "max-age=60");
  CHECK(last_of(server).peer == "203.0.113.9:0");
  CHECK_FALSE(last_of(server).is_loopback);
  CHECK(last_of(server).secure);
  CHECK(server.lines().back().peer == "203.0.113.9:0");
  raw_socket client{server.address()};
  client.send(ws::handshake("/ws", by));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
  CHECK(server.on_shard([&] { return server.records.back()->wire->peer(); }) == "203.0.113.9:0");

  const auto before = edge::counted(edge::reason::bad_forwarded);
  CHECK(ask(server, get("/", "X-Forwarded-For: nobody\r\n")).status == 200);
  CHECK(last_of(server).peer.starts_with("127.0.0.1:"));
  CHECK_FALSE(last_of(server).is_loopback);
  CHECK(edge::counted(edge::reason::bad_forwarded) == before + 1);
  CHECK(ask(server, get("/")).header("Strict-Transport-Security").empty());
  CHECK_FALSE(last_of(server).is_loopback);  // the proxy is here; its client may be anywhere
}

TEST_CASE("proxy: each request of a kept connection has its own client") {
  web_server server{behind(trusting("127.0.0.1", false))};
  raw_socket client{server.address()};
  for (const auto* who : {"203.0.113.9", "198.51.100.4", "203.0.113.9"}) {
    client.send(get("/", "X-Forwarded-For: "s + who + "\r\n"));
    CHECK(read_answer(client).status == 200);
    CHECK(last_of(server).peer == who + ":0"s);
  }
}

TEST_CASE("proxy: who is not listed says in vain where its client is") {
  web_server server{behind(trusting("10.0.0.0/8", false), 60)};
  const auto got = ask(server, get("/", "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\n"));
  CHECK(got.header("Strict-Transport-Security").empty());
  CHECK(last_of(server).peer.starts_with("127.0.0.1:"));
  CHECK_FALSE(last_of(server).is_loopback);
  CHECK_FALSE(last_of(server).secure);
  ask(server, get("/"));
  CHECK(last_of(server).is_loopback);
}

TEST_CASE("proxy: the PROXY protocol's header comes first, whole or in pieces, and its fields say nothing more") {
  web_server server{behind(trusting("127.0.0.1", true))};
  const auto header = proxy_bytes::header(
      proxy_bytes::tcp4, proxy_bytes::v4("203.0.113.9", "192.0.2.1", 50'000, 443) + std::string(300, 'x'));
  raw_socket whole{server.address()}, pieces{server.address()};
  whole.send(header + get("/a", "X-Forwarded-For: 198.51.100.4\r\nX-Forwarded-Proto: https\r\n") + get("/b"));
  CHECK(read_answer(whole).status == 200);
  CHECK(read_answer(whole).body == "GET /b?[]");
  CHECK(last_of(server).peer == "203.0.113.9:50000");
  CHECK_FALSE(last_of(server).secure);
  CHECK(server.on_shard([&] { return server.requests.back().local; }) == "192.0.2.1:443");
  for (const char c : header + ws::handshake()) pieces.send({&c, 1});
  CHECK(pieces.read_until("\r\n\r\n").starts_with("HTTP/1.1 101"));
  CHECK(server.newest().wire->peer() == "203.0.113.9:50000");
}

TEST_CASE("proxy: of the PROXY protocol's clients only those whom it names here are here") {
  struct row {
    std::string bytes;
    const char* peer;
    bool is_loopback;
  };
  using namespace proxy_bytes;
  web_server server{behind(trusting("127.0.0.1", true))};
  for (const auto& row : std::vector<row>{{header(tcp4, v4("127.0.0.1", "127.0.0.1", 7, 8)), "127.0.0.1:7", true},
                                          {header(tcp4, v4("203.0.113.9", "127.0.0.1", 7, 8)), "203.0.113.9:7", false},
                                          {head(0x20, 0, 0), "127.0.0.1:", false},
                                          {head(0x21, 0, 0), "127.0.0.1:", false}}) {
    raw_socket client{server.address()};
    client.send(row.bytes + get("/"));
    CHECK(read_answer(client).status == 200);
    CHECK(last_of(server).peer.starts_with(row.peer));
    CHECK(last_of(server).is_loopback == row.is_loopback);
  }
}

TEST_CASE("proxy: a listed one that does not begin with the PROXY protocol, or takes its time, is cut off") {
  web_server server{behind(trusting("127.0.0.1", true), 0, 80)};
  const auto bad = edge::counted(edge::reason::bad_proxy), slow = edge::counted(edge::reason::slow_proxy);
  raw_socket direct{server.address()}, text{server.address()}, silent{server.address()}, drips{server.address()};
  direct.send(get("/"));
  text.send("PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n" + get("/"));
  CHECK(direct.read_to_end().empty());
  CHECK(text.read_to_end().empty());
  CHECK(direct.ended());
  CHECK(text.ended());
  const auto began = std::chrono::steady_clock::now();
  const auto header = proxy_bytes::header(proxy_bytes::tcp4, std::string(500, 'x'));
  for (std::size_t i = 0; i != header.size() && !drips.ended(); ++i) {
    drips.send(header.substr(i, 1));
    drips.read_for(5ms);
  }
  CHECK(drips.ended());
  CHECK(std::chrono::steady_clock::now() - began < 1s);
  CHECK(silent.at_end());
  CHECK(server.on_shard([&] { return server.requests.empty(); }));
  CHECK(server.eventually([&] { return server.server->stats().connections == 0; }));
  CHECK(edge::counted(edge::reason::bad_proxy) == bad + 2);
  CHECK(edge::counted(edge::reason::slow_proxy) == slow + 2);
}

TEST_CASE("proxy: where the PROXY protocol is spoken who is not listed is a client like any other") {
  web_server server{behind(trusting("10.0.0.0/8", true))};
  CHECK(ask(server, get("/")).status == 200);
  CHECK(last_of(server).is_loopback);
  CHECK(ask(server, proxy_bytes::header(proxy_bytes::tcp4, std::string(12, 'x')) + get("/")).status == 400);
}

TEST_CASE("proxy: TLS begins behind the PROXY protocol's header", "[tls]") {
  tls_server server{behind(trusting("127.0.0.1", true))};
  const auto header = proxy_bytes::header(proxy_bytes::tcp4, proxy_bytes::v4("203.0.113.9", "192.0.2.1", 5, 443));
  tls_socket client{server.address(), {.shake_hands = false}};
  client.raw().send(header);
  REQUIRE(client.shake_hands());
  client.send(get("/"));
  CHECK(read_answer(client).status == 200);
  CHECK(last_of(server).peer == "203.0.113.9:5");
  CHECK(last_of(server).secure);
}

}  // namespace greenroom::runtime
