#pragma once
#include <string>
#include <string_view>

namespace greenroom::codecs {

/// The key id that a token claims to be signed with, which nobody has checked: good for looking whether there is such a
/// key, and for nothing else. Empty: it names none, or this is no token (verify_jwt says what is wrong with it).
/// Bounds: as verify_jwt's. Threading: any.
std::string claimed_kid(std::string_view token);

}  // namespace greenroom::codecs
