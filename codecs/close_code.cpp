#include "codecs/close_code.hpp"

namespace greenroom::codecs {
namespace {

using namespace close_codes;
constexpr close_code table[] = {closed,      going_away,    protocol_error, wrong_data,        bad_utf8,
                                over_limits, token_expired, flood,          too_big,           internal,
                                restart,     slow_consumer, overloaded,     store_unavailable, session_replaced};

}  // namespace

std::span<const close_code> all_close_codes() noexcept { return table; }

}  // namespace greenroom::codecs
