#include "actors/stored_message.hpp"

#include <utility>

namespace greenroom {

codecs::envelope_ptr stored_message(const storage::bytes_ptr& body, std::string_view room, std::string_view epoch,
                                    std::uint64_t position, std::int64_t at_ms) {
  if (!body) return nullptr;
  auto message = codecs::from_stored(*body);
  if (!message) return nullptr;
  message->room = room;
  message->epoch = epoch;
  message->seq = position;
  message->at_ms = at_ms;
  return std::make_shared<const codecs::envelope>(std::move(*message));
}

}  // namespace greenroom
