#pragma once
#include <string_view>
#include <system_error>
#include <vector>

#include "codecs/value.hpp"

namespace greenroom::codecs {

/// Reads MessagePack into a list of values, in one walk that validates everything; the views point into `bytes`. Depth,
/// elements and declared lengths are checked when a header is read and before anything is allocated for its content.
/// Floats of 32 bits become doubles. A NaN, an infinity, bad UTF-8 and a key that is no string give a flawed value.
std::error_code read_msgpack(std::string_view bytes, const bounds& within, std::vector<value>& out);

}  // namespace greenroom::codecs
