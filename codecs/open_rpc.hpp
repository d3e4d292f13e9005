#pragma once
#include <span>
#include <string>

#include "codecs/methods.hpp"

namespace greenroom::codecs {

/// What `rpc.discover` answers: an OpenRPC 1.2.6 document as JSON, of the methods in methods.hpp and of those that
/// behaviours bring.
std::string open_rpc_document(std::span<const method> of_behaviours = {});

}  // namespace greenroom::codecs
