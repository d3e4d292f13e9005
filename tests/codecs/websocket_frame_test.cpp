#include "codecs/websocket_frame.hpp"

#include <catch2/catch.hpp>

using namespace greenroom::codecs;
using namespace std::literals;

namespace {

std::string framed(std::size_t body, std::size_t guess, std::string out = {}) {
  {
    const websocket_frame frame{out, frame_kind::binary, framing::websocket, guess};
    out += std::string(body, 'x');
  }
  return out;
}

}  // namespace

TEST_CASE("websocket: a frame's header has the shortest length that RFC 6455 section 5.2 allows", "[codecs]") {
  const std::pair<std::size_t, std::string> headers[] = {
      {0, "\x82\x00"s},
      {1, "\x82\x01"s},
      {125, "\x82\x7d"s},
      {126, "\x82\x7e\x00\x7e"s},
      {65'535, "\x82\x7e\xff\xff"s},
      {65'536, "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"s},
      {70'000, "\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70"s},
  };
  for (const auto& [body, header] : headers) {
    for (const std::size_t guess : {std::size_t{0}, body, std::size_t{126}, std::size_t{100'000}}) {
      INFO(body << " bytes, guessed " << guess);
      CHECK((framed(body, guess) == header + std::string(body, 'x')));
      CHECK((framed(body, guess, "before") == "before" + header + std::string(body, 'x')));
    }
  }
}

TEST_CASE("websocket: text and binary frames differ in the opcode, and a bare body has no header", "[codecs]") {
  std::string out;
  { const websocket_frame frame{out, frame_kind::text, framing::websocket, 0}; }
  CHECK(out == "\x81\x00"s);
  out.clear();
  {
    const websocket_frame frame{out, frame_kind::text, framing::bare, 10};
    out += "{}";
  }
  CHECK(out == "{}");
}
