/// DEFLATE_OFFER reads what a client's handshake says of permessage-deflate (RFC 7692, 7.1) and writes the answer. Pure.
///
/// The answer always asks for no context takeover on both sides: what we send is then the same for every receiver, and
/// between two messages neither side keeps anything for us. We send with the smaller of our window and the offered
/// `server_max_window_bits`; one of 8 is declined, since zlib has no raw deflate with it. We receive with any window.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace greenroom::runtime {

struct deflate_agreement {
  std::string answer;   ///< The value of our Sec-WebSocket-Extensions.
  int window_bits = 0;  ///< What we send may need a window of that many bits and no larger one, 9 to 15.
};

/// Accepts the first good offer among `offers`, the values of Sec-WebSocket-Extensions joined by commas, for messages of
/// ours with a window of at most `window_bits` (9 to 15). Nothing: there is none, which refuses nothing but compression.
/// So does a list that is not well-formed.
std::optional<deflate_agreement> accept_deflate(std::string_view offers, int window_bits);

}  // namespace greenroom::runtime
