#include "codecs/transcode.hpp"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <string>
#include <thread>

#include "codecs/base64.hpp"
#include "codecs/document.hpp"
#include "codecs/json_writer.hpp"
#include "codecs/msgpack_writer.hpp"
#include "tests/codecs/seed.hpp"

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

std::string to_msgpack(std::string_view json) { return transcode(format::json, json).value_or("refused"); }
std::string to_json(std::string_view msgpack) { return transcode(format::msgpack, msgpack).value_or("refused"); }

std::string first_difference(std::string_view a, std::string_view b) {
  constexpr std::size_t shown = 40;
  const auto at = static_cast<std::size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
  if (at == a.size() && at == b.size()) return "none";
  const auto from = at - std::min(at, shown / 2);
  return "at " + std::to_string(at) + ": " + std::string{a.substr(from, shown)} + " | " +
         std::string{b.substr(from, shown)};
}

/// Random documents in both formats at once, each in the form that our writers give: the oracle is the generator, which
/// knows the value and not only its bytes.
class generator {
 public:
  explicit generator(std::uint64_t seed) : random_{seed} {}

  struct both {
    std::string json, msgpack;
  };
  both next() {
    both out;
    append(out, 0);
    return out;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

  void append(both& out, int depth) {
    constexpr int depth_max = 5, scalars = 7, containers = 2;
    json_writer j{out.json};
    msgpack_writer m{out.msgpack};
    switch (below(depth < depth_max ? scalars + containers : scalars)) {
      case 0: return j.null(), m.null();
      case 1: {
        const bool truth = below(2) == 1;
        return j.boolean(truth), m.boolean(truth);
      }
      case 2: {
        const auto n = random_() >> below(64);
        return j.natural(n), m.natural(n);
      }
      case 3: {
        const auto n = static_cast<std::int64_t>(random_()) >> below(64);
        return j.integer(n), m.integer(n);
      }
      case 4: {
        const auto d = real();
        return j.real(d), m.real(d);
      }
      case 5: {
        const auto text = utf8();
        return j.text(text), m.text(text);
      }
      case 6: return binary(out);
      case 7: return array(out, depth);
      default: return object(out, depth);
    }
  }

  double real() {
    switch (below(4)) {
      case 0: return static_cast<double>(static_cast<std::int64_t>(random_()) >> below(64));  // a whole one
      case 1: return below(2) == 0 ? -0.0 : 0.1 * static_cast<double>(below(1000));
      default: break;
    }
    for (;;) {
      const auto d = std::bit_cast<double>(random_());  // any bits: subnormal, huge, tiny
      if (std::isfinite(d)) return d;
    }
  }

  std::string utf8() {
    std::string out;
    for (auto length = below(below(8) == 0 ? 300 : 12); length > 0; --length) {
      switch (below(5)) {
        case 0: out += static_cast<char>(below(32)); break;        // control characters, NUL too
        case 1: out += "\"\\/\x7f"[below(4)]; break;               // what is escaped, and what is not
        case 2: out += "é߿ࠀ€\ufffd"sv.substr(0, 2); break;   // two bytes
        case 3: out += below(2) == 0 ? "€" : "\U0001F600"; break;  // three and four
        default: out += static_cast<char>('a' + below(26)); break;
      }
    }
    return out;
  }

  void binary(both& out) {
    std::string data;
    for (auto length = below(below(4) == 0 ? 300 : 20); length > 0; --length) data += static_cast<char>(random_());
    msgpack_writer m{out.msgpack};
    if (below(2) == 0) {
      out.json += R"({"$bytes":")";
      append_base64(out.json, data);
      out.json += "\"}";
      return m.bytes(data);
    }
    const auto type = static_cast<std::int8_t>(random_());
    out.json += R"({"$ext":[)" + std::to_string(type) + ",\"";
    append_base64(out.json, data);
    out.json += "\"]}";
    m.extension(type, data);
  }

  void array(both& out, int depth) {
    const auto count = below(below(8) == 0 ? 40 : 5);
    msgpack_writer{out.msgpack}.begin_array(count);
    out.json += '[';
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out.json += ',';
      append(out, depth + 1);
    }
    out.json += ']';
  }

  void object(both& out, int depth) {
    const auto count = below(below(8) == 0 ? 40 : 5);
    msgpack_writer{out.msgpack}.map(count);
    out.json += '{';
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out.json += ',';
      const auto key = utf8();
      json_writer{out.json}.text(key);
      out.json += ':';
      msgpack_writer{out.msgpack}.text(key);
      append(out, depth + 1);
    }
    out.json += '}';
  }

  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("transcode: 100,000 random documents cross in both directions unchanged", "[codecs]") {
  constexpr int documents = 100'000;
  const auto seed = announced_seed("transcode: 100,000 documents");
  generator random{seed};
  for (int i = 0; i < documents; ++i) {
    const auto [json, msgpack] = random.next();
    const auto packed = to_msgpack(json), printed = to_json(msgpack);
    if (packed == msgpack && printed == json) continue;
    INFO("seed " << seed << ", document " << i);
    REQUIRE(first_difference(packed, msgpack) == "none");
    REQUIRE(first_difference(printed, json) == "none");
  }
}

TEST_CASE("transcode: numbers keep being what they are", "[codecs]") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"0", "\x00"sv},
      {"127", "\x7f"sv},
      {"128", "\xcc\x80"sv},
      {"255", "\xcc\xff"sv},
      {"256", "\xcd\x01\x00"sv},
      {"65535", "\xcd\xff\xff"sv},
      {"65536", "\xce\x00\x01\x00\x00"sv},
      {"4294967296", "\xcf\x00\x00\x00\x01\x00\x00\x00\x00"sv},
      {"18446744073709551615", "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"sv},
      {"-1", "\xff"sv},
      {"-32", "\xe0"sv},
      {"-33", "\xd0\xdf"sv},
      {"-128", "\xd0\x80"sv},
      {"-129", "\xd1\xff\x7f"sv},
      {"-32769", "\xd2\xff\xff\x7f\xff"sv},
      {"-2147483649", "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff"sv},
      {"-9223372036854775808", "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"sv},
      {"1.0", "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00"sv},
      {"-0.0", "\xcb\x80\x00\x00\x00\x00\x00\x00\x00"sv},
      {"0.1", "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a"sv},
      {"1e+22", "\xcb\x44\x80\xf0\xcf\x06\x4d\xd5\x92"sv},
      {"5e-324", "\xcb\x00\x00\x00\x00\x00\x00\x00\x01"sv},
      {"1.7976931348623157e+308", "\xcb\x7f\xef\xff\xff\xff\xff\xff\xff"sv},
  };
  for (const auto& [json, msgpack] : rows) {
    INFO(json);
    CHECK(to_msgpack(json) == msgpack);
    CHECK(to_json(msgpack) == json);
  }
  CHECK(to_msgpack("-0") == "\x00"sv);  // JSON's integers have no negative zero
  CHECK(to_msgpack("1e0") == to_msgpack("1.0"));
  CHECK(to_json("\xca\x3f\x80\x00\x00"sv) == "1.0");                  // 32 bits hold it exactly
  CHECK(to_json("\xca\x3d\xcc\xcc\xcd"sv) == "0.10000000149011612");  // the same number, not the nearest 0.1
  CHECK(to_json("\xcf\x00\x00\x00\x00\x00\x00\x00\x07"sv) == "7");    // longer than needed
  CHECK(to_json("\xd3\xff\xff\xff\xff\xff\xff\xff\xff"sv) == "-1");
}

TEST_CASE("transcode: texts are escaped no more than JSON wants", "[codecs]") {
  CHECK(to_json("\xab\"\\/\b\f\n\r\t\x01\x1f\x7f"sv) == R"("\"\\/\b\f\n\r\t\u0001\u001f)"
                                                        "\x7f\"");
  CHECK(to_json("\xa1\x00"sv) == R"("\u0000")");
  CHECK(to_json("\xa4\xf0\x9f\x98\x80"sv) == "\"\xf0\x9f\x98\x80\"");
  CHECK(to_msgpack(R"("\ud83d\ude00\u00e9\/")") == "\xa7\xf0\x9f\x98\x80\xc3\xa9/"sv);
}

TEST_CASE("transcode: bytes and extensions are one-member objects in JSON", "[codecs]") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {R"({"$bytes":""})", "\xc4\x00"sv},
      {R"({"$bytes":"AP8="})", "\xc4\x02\x00\xff"sv},
      {R"({"$ext":[5,""]})", "\xc7\x00\x05"sv},
      {R"({"$ext":[-1,"AAAAAA=="]})", "\xd6\xff\x00\x00\x00\x00"sv},  // a timestamp
      {R"({"$ext":[127,"eHh4"]})", "\xc7\x03\x7fxxx"sv},
      {R"({"$ext":[-128,"eA=="]})", "\xd4\x80x"sv},
  };
  for (const auto& [json, msgpack] : rows) {
    INFO(json);
    CHECK(to_msgpack(json) == msgpack);
    CHECK(to_json(msgpack) == json);
  }
}

TEST_CASE("transcode: what only resembles bytes or an extension stays an object", "[codecs]") {
  for (const auto json :
       {R"({"$bytes":"AP8"})", R"({"$bytes":"AP9="})", R"({"$bytes":"A P8"})", R"({"$bytes":"AP8=\n"})",
        R"({"$bytes":1})", R"({"$bytes":null})", R"({"$bytes":"AP8=","x":1})", R"({"$bytes":"","$bytes":""})",
        R"({"$Bytes":""})", R"({"$ext":[128,""]})", R"({"$ext":[-129,""]})", R"({"$ext":[1.0,""]})",
        R"({"$ext":["",1]})", R"({"$ext":[1]})", R"({"$ext":[1,"",2]})", R"({"$ext":[1,"A"]})", R"({"$ext":"x"})",
        R"({"$ext":[1,""],"x":1})", R"({"$ext":{}})"}) {
    INFO(json);
    const auto packed = to_msgpack(json);
    CHECK((static_cast<unsigned char>(packed[0]) & 0xf0) == 0x80);  // a map
    CHECK(to_json(packed) == json);
  }
}

TEST_CASE("transcode: what cannot cross is refused", "[codecs]") {
  CHECK_FALSE(transcode(format::json, "[1e400]"));
  CHECK_FALSE(transcode(format::json, "[1"));
  CHECK_FALSE(transcode(format::msgpack, "\xca\x7f\xc0\x00\x00"sv));
  CHECK_FALSE(transcode(format::msgpack, "\xc1"sv));
}

TEST_CASE("transcode: canonical MessagePack is the same whatever the encoding of a retry", "[codecs]") {
  const payload json{format::json, R"( {"n" : 1, "f":1.5, "b":{"$bytes":"AP8="}} )"};
  const payload shortest{format::msgpack,
                         "\x83\xa1n\x01\xa1"
                         "f\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00\xa1"
                         "b\xc4\x02\x00\xff"s};
  const payload longest{format::msgpack,
                        "\xdf\x00\x00\x00\x03\xd9\x01n\xcf\x00\x00\x00\x00\x00\x00\x00\x01\xda\x00\x01"
                        "f\xca\x3f\xc0\x00\x00"
                        "\xdb\x00\x00\x00\x01"
                        "b\xc6\x00\x00\x00\x02\x00\xff"s};
  CHECK(canonical_msgpack(json) == shortest.original());
  CHECK(canonical_msgpack(shortest) == shortest.original());
  CHECK(canonical_msgpack(longest) == shortest.original());
}

TEST_CASE("payload: keeps its original bytes and transcodes once, from whatever thread", "[codecs]") {
  const payload body{format::json, R"({"a": [1, 2]})"};
  CHECK(body.as(format::json).data() == body.original().data());
  std::array<const char*, 4> seen{};
  {
    std::vector<std::jthread> threads;
    for (auto& slot : seen) threads.emplace_back([&body, &slot] { slot = body.as(format::msgpack).data(); });
  }
  CHECK(body.as(format::msgpack) ==
        "\x81\xa1"
        "a\x92\x01\x02"sv);
  for (const auto* data : seen) CHECK(data == body.as(format::msgpack).data());
}

TEST_CASE("payload: bytes that are no document of their format are a broken invariant", "[codecs]") {
  const payload body{format::json, "{"};
  CHECK_THROWS_AS(body.as(format::msgpack), std::logic_error);
  CHECK_THROWS_AS(body.as(format::msgpack), std::logic_error);
}
