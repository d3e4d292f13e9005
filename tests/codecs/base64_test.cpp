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
