#pragma once
#include <optional>

#include "codecs/outcome.hpp"
#include "codecs/value.hpp"

namespace greenroom::codecs {

/// A JSON-RPC error object `{code, message, data?}` as it stands in an answer; empty where it is none.
std::optional<error> read_rpc_error(const value& what);

}  // namespace greenroom::codecs
