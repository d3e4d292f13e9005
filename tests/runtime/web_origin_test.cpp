#include "runtime/web_origin.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <string_view>
#include <vector>

/// What browsers send as `Origin`, and what others would like to pass for it. The node is reached as `Host: node.example`
/// (or as a row says) and lists https://app.example, https://app.example:8443, https://*.wild.example,
/// http://[2001:db8::1]:3000, https://xn--bcher-kva.example and app://desktop.
namespace greenroom::runtime {
namespace {

using namespace std::string_literals;

const std::vector<std::string> listed{"https://app.example",           "https://app.example:8443",
                                      "https://*.wild.example",        "http://[2001:db8::1]:3000",
                                      "https://xn--bcher-kva.example", "app://desktop"};

enum class verdict { refused, listed, own };

verdict judge(std::string_view origin, web_scheme by = web_scheme::https, std::string_view host = "node.example") {
  if (!is_web_origin(origin)) return verdict::refused;
  if (origin == origin_of_site(by, host)) return verdict::own;
  for (const auto& each : listed)
    if (origin_matches(each, origin)) return verdict::listed;
  return verdict::refused;
}

}  // namespace

TEST_CASE("web origin: those that the list has are allowed") {
  for (const auto* origin :
       {"https://app.example", "https://app.example:8443", "https://a.wild.example", "https://a-b.wild.example",
        "https://xn--bcher-kva.wild.example", "https://0.wild.example", "https://_x.wild.example",
        "http://[2001:db8::1]:3000", "https://xn--bcher-kva.example", "app://desktop"}) {
    CAPTURE(origin);
    CHECK(judge(origin) == verdict::listed);
  }
}

TEST_CASE("web origin: everything that only resembles one is refused") {
  const std::vector<std::string> rows{
      // nobody's
      "", "null", "NULL", "Null", " null", "null ", "null, https://app.example", "https://app.example, null", "*",
      "https://*", "undefined", "about:blank", "about:srcdoc", "data:text/html,x", "blob:https://app.example/1",
      "javascript:alert(1)", "file://", "file:///", "filesystem:https://app.example", "about://blank",
      "https:", "https:/", "https://", "://", "//", "//app.example", "app.example", "app.example:443", ".", "/",
      // another scheme
      "http://app.example", "wss://app.example", "ws://app.example", "ftp://app.example", "app://app.example",
      "httpss://app.example", "http+https://app.example", "https2://app.example", "shttps://app.example",
      "-https://app.example", "1https://app.example", "https.://app.example", "://app.example",
      "chrome-extension://app.example", "https//app.example", "https:app.example", "https:/app.example",
      "https:///app.example", "https:////app.example", "https:\\\\app.example", "https:/\\app.example",
      "view-source:https://app.example", "app://desktop.", "app://desktops", "app://desktop:80", "app://",
      "apps://desktop",
      // case
      "HTTPS://app.example", "Https://app.example", "httpS://app.example", "https://APP.example", "https://App.Example",
      "https://app.examplE", "https://A.wild.example", "https://a.WILD.example", "https://XN--BCHER-KVA.example",
      "https://Xn--bcher-kva.example", "http://[2001:DB8::1]:3000", "http://[2001:dB8::1]:3000",
      // prefixes and suffixes
      "https://evilapp.example", "https://evil-app.example", "https://app.example.evil", "https://app.example.evil.com",
      "https://app.exampleevil", "https://app.exampl", "https://pp.example", "https://app", "https://example",
      "https://.app.example", "https://app.example.", "https://app.example..", "https://app..example",
      "https://a.app.example", "https://www.app.example", "https://app.example-evil.com", "https://appXexample",
      "https://app-example", "https://app_example", "https://app.example%2eevil",
      // the star's label
      "https://wild.example", "https://.wild.example", "https://evilwild.example", "https://a.b.wild.example",
      "https://*.wild.example", "https://-.wild.example.evil", "https://a.wild.example.evil", "https://a.wild.examples",
      "https://a.wild.example:444", "http://a.wild.example", "https://a..wild.example", "https://..wild.example",
      "https://a.wild.example.", "https://a/.wild.example", "https://a@.wild.example", "https://evil.com/.wild.example",
      "https://evil.com#.wild.example", "https://evil.com?.wild.example", "https://evil.com\\.wild.example",
      "https://evil.com:443.wild.example", "https://evil.com%00.wild.example", "https://a b.wild.example",
      "https://a\t.wild.example", "https://a,b.wild.example", "https://a;b.wild.example", "https://a&.wild.example",
      "https://a'.wild.example", "https://a\".wild.example", "https://a`.wild.example", "https://a(b).wild.example",
      "https://a{b}.wild.example", "https://a|b.wild.example", "https://a!.wild.example", "https://a$.wild.example",
      "https://a+b.wild.example", "https://a=b.wild.example", "https://a~b.wild.example", "https://a^b.wild.example",
      "https://a<b>.wild.example", "https://%61.wild.example", "https://"s + std::string(64, 'a') + ".wild.example",
      // ports
      "https://app.example:443", "https://app.example:80", "https://app.example:0", "https://app.example:00443",
      "https://app.example:08443", "https://app.example:8443 ", "https://app.example: 8443",
      "https://app.example:+8443", "https://app.example:-8443", "https://app.example:", "https://app.example::8443",
      "https://app.example:8443:8443", "https://app.example:84430", "https://app.example:844",
      "https://app.example:65536", "https://app.example:73979", "https://app.example:18446744073709560059",
      "https://app.example:0x20fb", "https://app.example:8443a", "https://app.example:8443/",
      "https://app.example:8444", "https://app.example;8443", "https://app.example:\xd9\xa8",
      "https://app.example:8443.",
      // a path, a query, somebody's name
      "https://app.example/", "https://app.example//", "https://app.example/x", "https://app.example?",
      "https://app.example?x", "https://app.example#", "https://app.example#x", "https://app.example\\",
      "https://app.example\\@evil.com", "https://app.example@evil.com", "https://app.example:443@evil.com",
      "https://user@app.example", "https://user:pass@app.example", "https://@app.example", "https://:@app.example",
      "https://evil.com@app.example", "https://evil.com#@app.example", "https://evil.com/https://app.example",
      "https://evil.com?https://app.example", "https://app.example;evil.com", "https://app.example&evil.com",
      "https://app.example|evil.com", "https://app.example,evil.com",
      // spaces, controls, lists
      " https://app.example", "https://app.example ", "\thttps://app.example", "https://app.example\t",
      "https ://app.example", "https: //app.example", "https:// app.example", "https://app .example",
      "https://app. example", "https://app.example https://evil.com", "https://evil.com https://app.example",
      "https://app.example,https://app.example", "https://app.example, https://evil.com", "https://app.example\r\nX: y",
      "https://app.example\n", "\nhttps://app.example", "https://app.exam\rple", "https://app\x01.example",
      "https://app.example\x7f", "https://app.example\x1f", "\xef\xbb\xbfhttps://app.example", "https://app.example\0"s,
      "https://app.example\0.evil"s, "\0https://app.example"s, "https://evil\0https://app.example"s,
      "https://app\0.example"s,
      // other alphabets: only Punycode is sent
      "https://b\xc3\xbc"
      "cher.example",
      "https://bu\xcc\x88"
      "cher.example",
      "https://\xd0\xb0pp.example", "https://app.ex\xd0\xb0mple",
      "https://app\xe3\x80\x82"
      "example",
      "https://app\xef\xbc\x8e"
      "example",
      "https://app\xef\xbd\xa1"
      "example",
      "https\xef\xbc\x9a//app.example", "https://\xef\xbd\x81pp.example", "https://app.example\xe2\x80\xae",
      "https://a\xc2\xadpp.example", "https://app\xe2\x80\x8b.example", "https://xn--app.example",
      "https://xn--bcher-kvb.example", "https://xn--pp-xmc.example", "https://app.xn--example-",
      "https://\xff\xfe.example", "https://xn--bcher-kva.example.", "https://b%C3%BCcher.example",
      "https://%e5%a6%82.example",
      // addresses
      "http://[2001:db8::1]", "http://[2001:db8::2]:3000", "http://[2001:db8:0::1]:3000",
      "http://[2001:db8::0001]:3000", "http://[2001:0db8::1]:3000", "http://[2001:db8:0:0:0:0:0:1]:3000",
      "http://[2001:db8::0:1]:3000", "http://2001:db8::1:3000", "http://[2001:db8::1:3000", "http://2001:db8::1]:3000",
      "http://[[2001:db8::1]]:3000", "http://[2001:db8::1%25eth0]:3000", "http://[2001:db8::1%eth0]:3000",
      "http://[::ffff:192.0.2.1]", "http://[::192.0.2.1]", "http://[]", "http://[]:3000", "http://[:]", "http://[v1.x]",
      "http://[2001:db8::1].evil.com:3000", "http://[2001:db8::1]evil:3000", "http://[2001:db8::1]:", "https://127.1",
      "https://2130706433", "https://0x7f000001", "https://0x7f.0.0.1", "https://0177.0.0.1", "https://127.0.0.01",
      "https://127.0.0.256", "https://127.0.0.1.", "https://127.0.0.1.1", "https://1.2.3", "https://a.0x1",
      "https://a.1", "https://app.example.0", "https://0x", "https://1.2.3.4.5",
      // a foreign one of the right form
      "https://evil.com", "https://evil.com:8443", "http://localhost", "http://localhost:8080", "http://127.0.0.1",
      "http://[::1]", "https://other.example", "http://node.example", "https://node.example:8443",
      "https://sub.node.example", "https://node.example.evil.com", "https://notnode.example", "moz-extension://4b2c",
      "https://"s + std::string(254, 'a'), "https://"s + std::string(4'096, 'a') + ".example",
      std::string(40, 'a') + "://app.example"};
  CHECK(rows.size() >= 200);
  for (const auto& origin : rows) {
    CAPTURE(origin);
    CHECK(judge(origin) == verdict::refused);
  }
}

TEST_CASE("web origin: the node's own has its scheme, its host and its port") {
  using enum web_scheme;
  struct row {
    const char* origin;
    web_scheme by;
    const char* host;
    bool own;
  };
  for (const auto& [origin, by, host, own] : std::vector<row>{
           {"https://node.example", https, "node.example", true},
           {"https://node.example", https, "node.example:443", true},
           {"https://node.example", https, "NODE.Example", true},
           {"http://node.example", http, "node.example", true},
           {"http://node.example", http, "node.example:80", true},
           {"http://node.example:443", http, "node.example:443", true},
           {"http://node.example:8080", http, "node.example:8080", true},
           {"http://127.0.0.1:8080", http, "127.0.0.1:8080", true},
           {"http://[::1]:8080", http, "[::1]:8080", true},
           {"https://xn--bcher-kva.test", https, "xn--bcher-kva.test", true},
           {"http://node.example", https, "node.example", false},
           {"https://node.example", http, "node.example", false},
           {"https://node.example", http, "node.example:443", false},
           {"https://node.example", https, "node.example:80", false},
           {"https://node.example", https, "node.example:8443", false},
           {"https://node.example:8443", https, "node.example", false},
           {"https://node.example", https, "", false},
           {"https://", https, "", false},
           {"https://node.example", https, "node.example.", false},
           {"https://node.example", https, "sub.node.example", false},
           {"https://node.example", https, "node.example, node.example", false},
           {"https://node.example", https, "user@node.example", false},
           {"https://node.example", https, "node.example/", false},
           {"https://b\xc3\xbc"
            "cher.test",
            https,
            "b\xc3\xbc"
            "cher.test",
            false},
           {"http://[0:0:0:0:0:0:0:1]:8080", http, "[0:0:0:0:0:0:0:1]:8080", false},
       }) {
    CAPTURE(origin, host);
    CHECK((judge(origin, by, host) == verdict::own) == own);
  }
}

TEST_CASE("web origin: an entry of the list is an origin, null, or a star for one label") {
  for (const auto* entry :
       {"https://example.org", "http://example.org:8080", "https://localhost", "http://127.0.0.1:3000", "http://[::1]",
        "http://[2001:db8::1]:8080", "null", "https://*.example.org", "https://*.a.b.example.org:8443",
        "capacitor://localhost", "chrome-extension://abcdef", "https://xn--bcher-kva.example"}) {
    CAPTURE(entry);
    CHECK(is_origin_entry(entry));
  }
  for (const auto* entry : {"",
                            "*",
                            "example.org",
                            "https://",
                            "https://example.org/",
                            "HTTPS://example.org",
                            "https://Example.org",
                            "https://example.org:443",
                            "http://example.org:80",
                            "https://*",
                            "https://*.org",
                            "https://*.",
                            "https://*example.org",
                            "https://a.*.org",
                            "https://*.*.example.org",
                            "https://**.example.org",
                            "*://example.org",
                            "https://*.127.0.0.1",
                            "https://*.[::1]",
                            "https://example.org:*",
                            "https://*.example.org/",
                            "https://*.Example.org",
                            "Null",
                            "nulls",
                            "https://b\xc3\xbc"
                            "cher.example",
                            "https://*.example.org:443",
                            "https://user@example.org"}) {
    CAPTURE(entry);
    CHECK_FALSE(is_origin_entry(entry));
  }
}

TEST_CASE("web origin: addresses are told from names that somebody's DNS answers for") {
  for (const auto* own : {"http://localhost", "http://localhost:8080", "http://a.localhost:1", "http://127.0.0.1:8080",
                          "http://192.168.0.7", "https://[fe80::1]", "http://[::1]:80"})
    CHECK(has_own_address(own));
  for (const auto* foreign :
       {"http://rebound.example", "http://localhost.evil.com", "http://notlocalhost", "http://127.0.0.1.nip.io"})
    CHECK_FALSE(has_own_address(foreign));
  for (const auto* here : {"http://localhost", "https://localhost:3000", "http://127.0.0.1", "http://[::1]:5173"})
    CHECK(is_origin_of_this_machine(here));
  for (const auto* elsewhere : {"http://localhost.evil.com", "http://evil-localhost", "app://localhost",
                                "http://127.0.0.2", "http://[::2]", "ftp://localhost"})
    CHECK_FALSE(is_origin_of_this_machine(elsewhere));
}

}  // namespace greenroom::runtime
