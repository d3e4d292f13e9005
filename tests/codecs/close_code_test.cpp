#include "codecs/close_code.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>
#include <string>

using namespace greenroom::codecs;

TEST_CASE("close codes: the table has the numbers of the protocol, each reason once", "[codecs]") {
  constexpr std::size_t reason_bytes_max = 123;  // RFC 6455 section 5.5: 125 of a control frame, less the code
  std::set<std::string_view> reasons;
  std::set<int> codes;
  for (const auto& row : all_close_codes()) {
    INFO(row.reason);
    CHECK(reasons.insert(row.reason).second);
    CHECK_FALSE(row.reason.empty());
    CHECK(row.reason.size() <= reason_bytes_max);
    CHECK(row.when.ends_with('.'));
    codes.insert(row.code);
  }
  CHECK(codes == std::set<int>{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 4009});
  CHECK(std::ranges::is_sorted(all_close_codes(), {}, &close_code::code));
}

TEST_CASE("close codes: a client that was replaced stays away, one of a restarting node comes back", "[codecs]") {
  CHECK(close_codes::session_replaced.again == reconnect::no);
  CHECK(close_codes::restart.again == reconnect::yes);
  CHECK(close_codes::slow_consumer.again == reconnect::later);
}

TEST_CASE("close codes: an author's sentence is cut between two characters, and must be UTF-8", "[codecs]") {
  CHECK(close_text("Be nice.") == "Be nice.");
  CHECK(close_text(std::string(123, 'x')) == std::string(123, 'x'));
  CHECK(close_text(std::string(124, 'x')) == std::string(123, 'x'));
  CHECK(close_text(std::string(122, 'x') + "\xc3\xa9") == std::string(122, 'x'));                // é
  CHECK(close_text(std::string(121, 'x') + "\xc3\xa9!") == std::string(121, 'x') + "\xc3\xa9");  // fits
  CHECK(close_text(std::string(120, 'x') + "\xf0\x9f\x90\xb8") == std::string(120, 'x'));        // a frog
  CHECK(close_text("\xc3").empty());
}
