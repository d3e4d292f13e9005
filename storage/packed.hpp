/// Lists of texts as one blob: each text behind its length.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace greenroom::storage {

std::string packed(const std::vector<std::string>& texts);

/// Of what is cut off or garbled, the part that can be read.
std::vector<std::string> unpacked(std::string_view bytes);

}  // namespace greenroom::storage
