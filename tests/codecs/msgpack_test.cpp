#include "codecs/msgpack.hpp"

#include <catch2/catch.hpp>
#include <string>

#include "codecs/document.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

std::error_code read(std::string_view bytes) { return document{}.read(format::msgpack, bytes); }

}  // namespace

TEST_CASE("msgpack: every kind of token is read, and keeps the bytes in which it came", "[codecs]") {
  struct row {
    std::string_view bytes;
    kind what;
  };
  const row rows[] = {
      {"\xc0"sv, kind::null},
      {"\xc2"sv, kind::boolean},
      {"\xc3"sv, kind::boolean},
      {"\x00"sv, kind::natural},
      {"\x7f"sv, kind::natural},
      {"\xcc\xff"sv, kind::natural},
      {"\xcd\xff\xff"sv, kind::natural},
      {"\xce\xff\xff\xff\xff"sv, kind::natural},
      {"\xcf\xff\xff\xff\xff\xff\xff\xff\xff"sv, kind::natural},
      {"\xe0"sv, kind::negative},
      {"\xff"sv, kind::negative},
      {"\xd0\x80"sv, kind::negative},
      {"\xd1\x80\x00"sv, kind::negative},
      {"\xd2\x80\x00\x00\x00"sv, kind::negative},
      {"\xd3\x80\x00\x00\x00\x00\x00\x00\x00"sv, kind::negative},
      {"\xd0\x05"sv, kind::natural},  // signed, but not negative
      {"\xca\x3f\xc0\x00\x00"sv, kind::real},
      {"\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00"sv, kind::real},
      {"\xa0"sv, kind::text},
      {"\xa1x"sv, kind::text},
      {"\xd9\x00"sv, kind::text},
      {"\xd9\x01x"sv, kind::text},
      {"\xda\x00\x01x"sv, kind::text},
      {"\xdb\x00\x00\x00\x01x"sv, kind::text},
      {"\xc4\x00"sv, kind::bytes},
      {"\xc4\x01\xff"sv, kind::bytes},
      {"\xc5\x00\x01\xff"sv, kind::bytes},
      {"\xc6\x00\x00\x00\x01\xff"sv, kind::bytes},
      {"\xd4\x05x"sv, kind::extension},
      {"\xd5\x05xx"sv, kind::extension},
      {"\xd6\x05xxxx"sv, kind::extension},
      {"\xd7\x05xxxxxxxx"sv, kind::extension},
      {"\xd8\x05xxxxxxxxxxxxxxxx"sv, kind::extension},
      {"\xc7\x00\x05"sv, kind::extension},
      {"\xc7\x03\x05xxx"sv, kind::extension},
      {"\xc8\x00\x01\x05x"sv, kind::extension},
      {"\xc9\x00\x00\x00\x01\x05x"sv, kind::extension},
      {"\x90"sv, kind::array},
      {"\x91\x01"sv, kind::array},
      {"\xdc\x00\x01\x01"sv, kind::array},
      {"\xdd\x00\x00\x00\x01\x01"sv, kind::array},
      {"\x80"sv, kind::object},
      {"\x81\xa1k\x01"sv, kind::object},
      {"\xde\x00\x01\xa1k\x01"sv, kind::object},
      {"\xdf\x00\x00\x00\x01\xa1k\x01"sv, kind::object},
  };
  for (const auto& [bytes, what] : rows) {
    INFO(Catch::rangeToString(bytes));
    // Between two neighbours, so that each token's end is found too.
    const auto message = "\x93\x01"s + std::string{bytes} + "\x02"s;
    document doc;
    REQUIRE_FALSE(doc.read(format::msgpack, message));
    const value& token = *(&doc.root() + 2);
    CHECK(token.what == what);
    CHECK(token.raw() == bytes);
    CHECK(token.end()->raw() == "\x02");
    CHECK(first_flaw(doc.root()) == nullptr);
    for (std::size_t cut = 0; cut < message.size(); ++cut) CHECK(read(message.substr(0, cut)) == errc::ill_formed);
    CHECK(read(message + "\x01") == errc::ill_formed);
  }
}

TEST_CASE("msgpack: numbers, texts and extensions have their values", "[codecs]") {
  document doc;
  REQUIRE_FALSE(doc.read(format::msgpack,
                         "\x95"
                         "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"
                         "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"
                         "\xca\x3f\xc0\x00\x00"
                         "\xd9\x02hi"
                         "\xd5\xffzz"sv));
  const value* v = &doc.root() + 1;
  CHECK(v->natural == 18'446'744'073'709'551'615u);
  CHECK((++v)->negative == std::numeric_limits<std::int64_t>::min());
  CHECK((++v)->real == 1.5);
  CHECK((++v)->text() == "hi");
  CHECK((++v)->extension == -1);
  CHECK(v->text() == "zz");
}

TEST_CASE("msgpack: truncated or ill-formed input is not a document", "[codecs]") {
  const std::string_view bad[] = {
      ""sv,                          // nothing
      "\xc1"sv,                      // the byte that is never used
      "\x91\xc1"sv,                  // inside an array
      "\x01\x02"sv,                  // a second document
      "\x92\x01"sv,                  // an item missing
      "\x81\xa1k"sv,                 // a value missing
      "\xa5hell"sv,                  // a byte missing
      "\xd9"sv,                      // a length missing
      "\xda\x01"sv,                  // half a length
      "\xdd\x00\x00\x27\x00\x01"sv,  // 9,984 items within the limit, but one byte
      "\xde\x10\x00\xa1k\x01"sv,     // 4,096 members, but one
      "\xc4\x05\x01"sv,              // bin 8
      "\xcb\x00"sv,                  // half a float
      "\xd8\x05x"sv,                 // fixext 16
      "\xda\xff\xffx"sv,             // a text of 65,535 bytes, within the limit, but cut off
  };
  for (const auto bytes : bad) {
    INFO(Catch::rangeToString(bytes));
    CHECK(read(bytes) == errc::ill_formed);
  }
}

TEST_CASE("msgpack: what declares more than the limits is told from what is cut off", "[codecs]") {
  CHECK(read("\xdd\xff\xff\xff\xff"sv) == errc::too_many_elements);
  CHECK(read("\xdf\xff\xff\xff\xff"sv) == errc::too_many_elements);
  CHECK(read("\xdd\x00\x00\x27\x11"sv) == errc::too_many_elements);  // 10,001
  CHECK(read("\xdb\xff\xff\xff\xff"sv) == errc::declares_too_much);
  CHECK(read("\xc6\x00\x01\x00\x01"sv) == errc::declares_too_much);  // 65,537
  CHECK(read("\xc9\x7f\xff\xff\xff\x05"sv) == errc::declares_too_much);
  CHECK(read("\x91\xdb\x10\x00\x00\x00xyz"sv) == errc::declares_too_much);
  CHECK(read(std::string(limits::depth_max + 1, '\x91') + '\x01') == errc::too_deep);
  CHECK_FALSE(read(std::string(limits::depth_max, '\x91') + '\x01'));

  // Elements add up over all containers; keys do not count.
  const auto full = "\xdc\x27\x0f"s + std::string(9'999, '\x01');
  CHECK_FALSE(read(full));
  CHECK(read("\x91"s + full) == errc::too_many_elements);
  std::string map = "\xde\x27\x0f"s;
  for (int i = 0; i < 9'999; ++i) map += "\xa1k\x01";
  CHECK_FALSE(read(map));
}

TEST_CASE("msgpack: what another format cannot hold is well formed and flawed", "[codecs]") {
  struct row {
    std::string_view bytes;
    errc flaw;
    const char* path;
  };
  const row rows[] = {
      {"\x81\xa1k\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"sv, errc::number_not_finite, "params.k"},  // NaN
      {"\x81\xa1k\xcb\xff\xf0\x00\x00\x00\x00\x00\x00"sv, errc::number_not_finite, "params.k"},  // -infinity
      {"\x81\xa1k\x92\x01\xca\x7f\x80\x00\x00"sv, errc::number_not_finite, "params.k[1]"},       // infinity, 32 bits
      {"\x81\xa1k\xaaplain_text"sv, errc::success, ""},
      {"\x81\xa1k\xa1\xff"sv, errc::invalid_utf8, "params.k"},
      {"\x81\xa1k\xabplain_text\xff"sv, errc::invalid_utf8, "params.k"},
      {"\x81\xa1k\xa3\xed\xa0\x80"sv, errc::invalid_utf8, "params.k"},    // a surrogate
      {"\x81\xa1\xff\x01"sv, errc::invalid_utf8, "params"},               // in a key
      {"\x81\x01\x02"sv, errc::key_not_text, "params"},                   // an integer as key
      {"\x81\xa1k\x81\xc4\x01k\x01"sv, errc::key_not_text, "params.k"},   // bytes as key
      {"\x81\x91\xa1k\x01"sv, errc::key_not_text, "params"},              // an array as key
      {"\x82\x81\x01\x02\x03\xa1k\x04"sv, errc::key_not_text, "params"},  // a map as key
  };
  for (const auto& [bytes, flaw, path] : rows) {
    INFO(Catch::rangeToString(bytes));
    document doc;
    REQUIRE_FALSE(doc.read(format::msgpack, bytes));
    const value* found = first_flaw(doc.root());
    REQUIRE((found != nullptr) == (flaw != errc::success));
    if (found == nullptr) continue;
    CHECK(found->flaw == flaw);
    CHECK(path_to(*found, doc.root(), "params") == path);
  }
}
