#pragma once
#include <memory>

#include "codecs/codec.hpp"

/// The makers of the codecs whose ids are fixed.
namespace greenroom::codecs {

std::unique_ptr<const codec> make_native_codec(codec_id id);
std::unique_ptr<const codec> make_phoenix_codec(codec_id id);
std::unique_ptr<const codec> make_bare_codec();

}  // namespace greenroom::codecs
