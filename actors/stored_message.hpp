/// A message as it comes back from the store.
#pragma once
#include <cstdint>
#include <string_view>

#include "codecs/envelope.hpp"
#include "storage/log.hpp"

namespace greenroom {

/// Null where the stored bytes are damaged. `room` and `epoch` are empty in an inbox, whose `n` is the position.
codecs::envelope_ptr stored_message(const storage::bytes_ptr& body, std::string_view room, std::string_view epoch,
                                    std::uint64_t position, std::int64_t at_ms);

}  // namespace greenroom
