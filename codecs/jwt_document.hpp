#pragma once
#include "codecs/value.hpp"

namespace greenroom::codecs {

/// Whether an object in `in`, itself included, has a member twice. RFC 7515 section 4 and RFC 7519 section 4 leave it
/// to readers to refuse that or take the last; who refuses cannot be made to see another token than the issuer did.
bool has_repeated_member(const value& in);

}  // namespace greenroom::codecs
