#include "codecs/json.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

#include "codecs/document.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

std::error_code read(std::string_view text) { return document{}.read(format::json, text); }

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string zeros(std::size_t items) {
  std::string text = "[";
  for (std::size_t i = 0; i < items; ++i) text += i == 0 ? "0" : ",0";
  return text + "]";
}

}  // namespace

TEST_CASE("json: what RFC 8259 refuses is ill-formed, also where nobody would look at it", "[codecs]") {
  const std::string_view bad[] = {
      // nothing, or too much
      "", " ", "\t\n", "1 2", "{} {}", "[] ]", "[]]", "{}}", "1]", "1],[2", "1,2", "],[", "]", "}", ",", ":", "[1]x",
      "\"a\"b",
      // structure
      "[", "{", "[1", "[1,", "[1,]", "[,1]", "[1,,2]", "[1 2]", "[1:2]", "[\"a\":1]", "[\"a\" : 1]", "[1}", "{]", "{,}",
      "{1:2}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{\"a\":1,,\"b\":2}",
      "{\"a\":1:2}", "{\"a\":\"b\":1}", "{a:1}", "{'a':1}", "{null:1}", "{[]:1}", "[[]", "[]]", "{\"a\":[}",
      "{\"a\":{]}", "[\"a\",]", "{\"a\":1],", "[{]}",
      // words
      "nul", "nulll", "null0", "NULL", "True", "tru", "truee", "falsy", "[nul]", "[true false]", "undefined", "nil",
      // numbers
      "01", "-01", "-", "+1", "1.", ".1", "-.1", "1.e1", "1e", "1e+", "1E-", "0x10", "1_000", "1a", "--1", "1.2.3",
      "1e1.5", "NaN", "Infinity", "-Infinity", "[01]", "[1.]", "[-]", "[1e]", "{\"a\":01}", "1e5x", "00", "-00", "0e",
      "[0e]", "[1ee5]",
      // strings
      "\"", "\"a", "a\"", "'a'", "\"\\\"", "\"\\x41\"", "\"\\a\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\U0041\"", "\"\\",
      "\"a\nb\"", "\"a\tb\"", "\"\x01\"", "\"\\u\"", "[\"\\q\"]", "{\"\\q\":1}", "{\"a\nb\":1}", "{\"a:1}", "[\"a]",
      "\"a\"\"b\"", "[\"a\" \"b\"]",
      // lone surrogates
      "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800x\"", "\"\\ud800\\u0041\"", "\"\\udc00\\ud800\"", "{\"\\ud800\":1}",
      "[\"\\uDFFF\"]",
      // bytes that are no UTF-8, a byte order mark, a NUL
      "\"\xff\"", "\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"", "\"\x80\"",
      "{\"\xff\":1}", "\xff", "\xef\xbb\xbf{}", "\xfe\xff"};
  for (const auto text : bad) {
    INFO(text);
    CHECK(read(text) == errc::ill_formed);
  }
  CHECK(read("\0"sv) == errc::ill_formed);
  CHECK(read("[1]\0"sv) == errc::ill_formed);
  CHECK(read("\"a\0b\""sv) == errc::ill_formed);
}

TEST_CASE("json: what RFC 8259 allows is read", "[codecs]") {
  const std::string_view good[] = {"null",
                                   "true",
                                   "false",
                                   "0",
                                   "-0",
                                   "1",
                                   "-1",
                                   "0.5",
                                   "-0.0",
                                   "1e5",
                                   "1E+5",
                                   "1e-5",
                                   "0e0",
                                   "\"\"",
                                   "\"a\"",
                                   "[]",
                                   "{}",
                                   " 1 ",
                                   "\r\n\t[ ]\t",
                                   "[null,true,false]",
                                   "{\"\":\"\"}",
                                   "{\"a\":1,\"a\":2}",
                                   "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                   "\"\\u0000\"",
                                   "\"\\ud83d\\ude00\"",
                                   "\"\xf0\x9f\x98\x80\"",
                                   "\"\x7f\"",
                                   "\"\\uffff\"",
                                   "[[],{},[{}]]",
                                   "18446744073709551615",
                                   "-9223372036854775808",
                                   "9007199254740993",
                                   "1.7976931348623157e308",
                                   "5e-324",

                                   "[\"[\"]",
                                   "[\"]\"]",
                                   "{\"}\":\"{\"}",
                                   "0.1000000000000000055511151231257827021181583404541015625",
                                   "1e000000000000000000000001"};
  for (const auto text : good) {
    INFO(text);
    CHECK_FALSE(read(text));
  }
}

TEST_CASE("json: values keep their kind, their meaning and the bytes in which they came", "[codecs]") {
  document doc;
  REQUIRE_FALSE(doc.read(format::json, R"( {"a": [1, -2 ,3.0, "x\ty" , true,null ] ,"\u0062" : { } } )"));
  const value& root = doc.root();
  CHECK(root.raw() == R"({"a": [1, -2 ,3.0, "x\ty" , true,null ] ,"\u0062" : { } })");
  CHECK(root.count == 2);
  const value* a = find(root, "a");
  REQUIRE(a != nullptr);
  CHECK(a->raw() == R"([1, -2 ,3.0, "x\ty" , true,null ])");
  CHECK(a->count == 6);
  std::vector<const value*> items;
  for (const value& item : items_of(*a)) items.push_back(&item);
  REQUIRE(items.size() == 6);
  CHECK((items[0]->is(kind::natural) && items[0]->natural == 1));
  CHECK((items[1]->is(kind::negative) && items[1]->negative == -2 && items[1]->raw() == "-2"));
  CHECK((items[2]->is(kind::real) && items[2]->real == 3.0 && items[2]->raw() == "3.0"));
  CHECK((items[3]->is(kind::text) && items[3]->text() == "x\ty" && items[3]->raw() == R"("x\ty")"));
  CHECK((items[4]->is(kind::boolean) && items[4]->boolean));
  CHECK(items[5]->is(kind::null));
  const value* b = find(root, "b");
  REQUIRE(b != nullptr);
  CHECK((b->is(kind::object) && b->count == 0 && b->raw() == "{ }"));
}

TEST_CASE("json: floats are the nearest double, however many digits they have", "[codecs]") {
  for (const auto text :
       {"595886356093768320.0", "-595886356093768320.0", "9007199254740993.00000000000000000001",
        "0.1000000000000000055511151231257827021181583404541015625", "2.2250738585072011e-308", "7.2057594037927933e16",
        "123456789012345678901234567890.0", "0.000000000000000000000000000001"}) {
    INFO(text);
    document doc;
    REQUIRE_FALSE(doc.read(format::json, text));
    REQUIRE(doc.root().is(kind::real));
    CHECK(doc.root().real == std::strtod(text, nullptr));
  }
}

TEST_CASE("json: a number that does not fit is well formed and flawed", "[codecs]") {
  for (const auto text : {"18446744073709551616", "-9223372036854775809", "1e309", "-1e309", "1e-400", "0.1e-400",
                          "1e99999999999999999999", "123456789012345678901234567890"}) {
    INFO(text);
    document doc;
    REQUIRE_FALSE(doc.read(format::json, "{\"a\":[1,"s + text + "]}"));
    const value* flaw = first_flaw(doc.root());
    REQUIRE(flaw != nullptr);
    CHECK(flaw->flaw == errc::number_out_of_range);
    CHECK(path_to(*flaw, doc.root(), "params") == "params.a[1]");
    CHECK(read("[1,"s + text + ",]") == errc::ill_formed);
  }
}

TEST_CASE("json: depth and elements are bounded", "[codecs]") {
  CHECK_FALSE(read(nested(limits::depth_max)));
  CHECK(read(nested(limits::depth_max + 1)) == errc::too_deep);
  CHECK(read(std::string(100'000, '[')) == errc::too_deep);  // seen before the end that never comes
  CHECK(read(nested(100'000)) == errc::too_deep);
  CHECK_FALSE(read(zeros(limits::elements_max - 1)));  // the array counts too
  CHECK(read(zeros(limits::elements_max)) == errc::too_many_elements);
  std::string objects = "{\"a\":";
  for (std::size_t i = 1; i < limits::depth_max; ++i) objects += "{\"a\":";
  CHECK_FALSE(read(objects + "1" + std::string(limits::depth_max, '}')));
  CHECK(read(objects + "{}" + std::string(limits::depth_max, '}')) == errc::too_deep);
}

TEST_CASE("json: a reader that met a large or a broken input reads the next one well", "[codecs]") {
  document doc;
  for (int round = 0; round < 3; ++round) {
    CHECK(doc.read(format::json, "[" + std::string(70'000, '1')) == errc::ill_formed);
    CHECK_FALSE(doc.read(format::json, "\"" + std::string(70'000, 'x') + "\""));
    CHECK(doc.root().count == 70'000);
    CHECK(doc.read(format::json, "") == errc::ill_formed);
    CHECK_FALSE(doc.read(format::json, "7"));
    CHECK(doc.root().natural == 7);
  }
}

TEST_CASE("json: documents borrowed inside each other are different ones", "[codecs]") {
  borrowed_document outer;
  REQUIRE_FALSE(outer->read(format::json, R"({"a":"outer"})"));
  {
    borrowed_document inner;
    REQUIRE_FALSE(inner->read(format::json, R"({"a":"inner"})"));
    CHECK(find(inner->root(), "a")->text() == "inner");
  }
  CHECK(find(outer->root(), "a")->text() == "outer");
}
