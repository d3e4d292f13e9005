#include "codecs/envelope.hpp"

#include <catch2/catch.hpp>

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

envelope message(format origin, std::string body) {
  envelope m;
  m.room = "lobby";
  m.id = "m-1";
  m.event = "say";
  m.from = "ann";
  m.body = std::make_shared<payload>(origin, std::move(body));
  return m;
}

}  // namespace

TEST_CASE("envelope: what storage keeps has its golden bytes", "[codecs]") {
  CHECK(to_stored(message(format::json, "{}")) ==
        "\x01"         // version
        "\x00"         // JSON
        "\x03\x00m-1"  // 16 bits little endian, then the text: id
        "\x03\x00say"  // event
        "\x03\x00"
        "ann"    // from
        "{}"s);  // the payload, to the end
  CHECK(to_stored(message(format::msgpack, "\x80")) ==
        "\x01\x01\x03\x00m-1\x03\x00say\x03\x00"
        "ann\x80"s);
  auto spread = message(format::json, "[]");
  spread.shape = payload_shape::arguments;
  CHECK(to_stored(spread) ==
        "\x01\x10\x03\x00m-1\x03\x00say\x03\x00"  // JSON, and 0x10: a list of arguments
        "ann[]"s);
}

TEST_CASE("envelope: it comes back from storage, long fields too", "[codecs]") {
  auto original = message(format::msgpack, "\xa1\x00"s);
  original.from = std::string(70, 'u') + std::string(300, 'v');
  const auto back = from_stored(to_stored(original));
  REQUIRE(back);
  CHECK(back->id == original.id);
  CHECK(back->event == original.event);
  CHECK(back->from == original.from);
  CHECK(back->body->origin() == format::msgpack);
  CHECK(back->body->original() == original.body->original());
  CHECK(back->shape == payload_shape::single);
  original.shape = payload_shape::arguments;
  CHECK(from_stored(to_stored(original))->shape == payload_shape::arguments);
}

TEST_CASE("envelope: damaged bytes give nothing", "[codecs]") {
  const auto good = to_stored(message(format::json, "1"));
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK_FALSE(from_stored(good.substr(0, cut)));
  auto other_version = good;
  other_version[0] = 2;
  CHECK_FALSE(from_stored(other_version));
  auto other_format = good;
  other_format[1] = 2;
  CHECK_FALSE(from_stored(other_format));
  auto other_flag = good;
  other_flag[1] = 0x20;
  CHECK_FALSE(from_stored(other_flag));
  auto long_field = good;
  long_field[3] = '\xff';
  CHECK_FALSE(from_stored(long_field));
}
