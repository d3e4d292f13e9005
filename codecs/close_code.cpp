#include "codecs/close_code.hpp"

#include "codecs/utf8.hpp"

namespace greenroom::codecs {
namespace {

using namespace close_codes;
/// The transport's own, which no codec sends.
constexpr close_code slow_message{1008, "slow_message", reconnect::later,
                                  "A message was not whole within gateway.body_timeout_ms of its first byte."};

constexpr close_code table[] = {closed,        going_away,   protocol_error,    wrong_data,      bad_utf8,
                                bad_deflate,   over_limits,  token_expired,     kicked,          revoked,
                                flood,         slow_message, too_big,           internal,        restart,
                                slow_consumer, overloaded,   store_unavailable, session_replaced};

constexpr std::size_t text_bytes_max = 123;  // RFC 6455 section 5.5: 125 of a control frame, less the code

}  // namespace

std::string close_text(std::string_view sentence) {
  if (!is_utf8(sentence)) return {};
  if (sentence.size() > text_bytes_max) {
    auto end = text_bytes_max;
    while ((static_cast<unsigned char>(sentence[end]) & 0xc0U) == 0x80U) --end;  // inside a character
    sentence = sentence.substr(0, end);
  }
  return std::string{sentence};
}

std::span<const close_code> all_close_codes() noexcept { return table; }

}  // namespace greenroom::codecs
