#include "codecs/base64.hpp"

#include <catch2/catch.hpp>

using namespace greenroom::codecs;

TEST_CASE("base64: the examples of RFC 4648 section 10 encode and decode", "[codecs]") {
  const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                          {"f", "Zg=="},
                                                          {"fo", "Zm8="},
                                                          {"foo", "Zm9v"},
                                                          {"foob", "Zm9vYg=="},
                                                          {"fooba", "Zm9vYmE="},
                                                          {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : examples) {
    std::string encoded;
    append_base64(encoded, bytes);
    CHECK(encoded == text);
    CHECK(from_base64(text) == bytes);
  }
}

TEST_CASE("base64: only what encoding writes is decoded", "[codecs]") {
  for (const char* text : {"A", "AA", "AAA", "Zg=", "Zg", "Z===", "====", "Zh==", "Zm9=", "Zm 8", "Zm8=\n", "Zm8-",
                           "Zm8_", "=Zm8", "Zg==Zg==", "Zm8=Zm8="}) {
    INFO(text);
    CHECK_FALSE(from_base64(text));
  }
}

TEST_CASE("base64url: encodes with the other alphabet and without padding, and only that is decoded", "[codecs]") {
  const std::pair<const char*, const char*> examples[] = {
      {"", ""}, {"\xfb", "-w"}, {"\xfb\xff", "-_8"}, {"\xfb\xff\xfe", "-__-"}};
  for (const auto& [bytes, text] : examples) {
    std::string encoded;
    append_base64url(encoded, bytes);
    CHECK(encoded == text);
    CHECK(from_base64url(text) == bytes);
  }
  for (const char* text :
       {"A", "AAAAA", "Zg==", "Zm8=", "Zh", "Zm9", "Zm 8", "Zm8\n", " Zm8", "+_8", "/_8", "Zm8.", "Zm\xc3\xa9"}) {
    INFO(text);
    CHECK_FALSE(from_base64url(text));
  }
}
