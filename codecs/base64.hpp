#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace greenroom::codecs {

/// RFC 4648 §4: the standard alphabet, padded.
void append_base64(std::string& out, std::string_view bytes);

/// The opposite. Empty unless `text` is exactly what append_base64 would write: no white space, no missing padding, no
/// stray bits behind the last byte. So a text that decodes is also what encoding gives back.
std::optional<std::string> from_base64(std::string_view text);

/// RFC 4648 §5 as RFC 7515 uses it: `-` and `_`, no padding. Reading is as strict.
void append_base64url(std::string& out, std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace greenroom::codecs
