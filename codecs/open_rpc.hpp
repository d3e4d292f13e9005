#pragma once
#include <span>
#include <string>

#include "codecs/described_method.hpp"

namespace greenroom::codecs {

/// What `rpc.discover` answers: an OpenRPC 1.2.6 document as JSON, of the methods in methods.hpp and of those that
/// services and workers bring.
std::string open_rpc_document(std::span<const described_method> of_services = {});

}  // namespace greenroom::codecs
