/// DEFLATE_OFFER reads what a client's handshake says of permessage-deflate (RFC 7692, 7.1) and writes the answer. Pure.
///
/// The answer always asks for no context takeover on both sides: what we send is then the same for every receiver, and
/// between two messages neither side keeps anything for us. We send with one window size only, so an offer with a
/// smaller `server_max_window_bits` is declined. We receive with any window.
#pragma once

#include <string>
#include <string_view>

namespace greenroom::runtime {

/// Accepts the first good offer among `offers`, the values of Sec-WebSocket-Extensions joined by commas, for messages of
/// ours that need a window of `window_bits` (9 to 15). Empty: there is none, which refuses nothing but compression. So
/// does a list that is not well-formed.
std::string accept_deflate(std::string_view offers, int window_bits);

}  // namespace greenroom::runtime
