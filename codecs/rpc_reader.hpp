#pragma once
#include <string_view>

#include "codecs/codec.hpp"

namespace greenroom::codecs {

/// Reads one piece of JSON-RPC 2.0 input, JSON or MessagePack: a request, a notification, an answer to a request of the
/// server's, or a batch of these. What stands in it goes to `to`; see `sink`.
///
///   not well formed                        -32700 to a null id
///   over limits::depth_max, elements_max   JSON: -32006 to a null id; MessagePack: close 1007
///   not a request, no batch of 1 to 128    -32600
///   params that are no object, or hold what the method or the other format cannot take   -32602 with a path
///
/// A notification's errors go to the sink too, with a reference that wants no answer.
verdict read_rpc(format in, std::string_view input, sink& to);

}  // namespace greenroom::codecs
