#include "actors/refusal.hpp"

#include "actors/limits.hpp"
#include "actors/pressure.hpp"

namespace greenroom {

codecs::error refusal(storage::errc why) {
  using codecs::error_code;
  switch (why) {
    case storage::errc::conflict:
      return codecs::make_error(error_code::conflict, "this id was used for another message");
    case storage::errc::queue_full: return codecs::make_error(error_code::queue_full, "the user's inbox is full");
    case storage::errc::too_large: return codecs::make_error(error_code::too_large);
    case storage::errc::outcome_unknown: return codecs::make_error(error_code::internal);
    default: return codecs::make_error(error_code::unavailable, "the store does not take the message now");
  }
}

codecs::error cannot_be_durable() {
  auto why = codecs::make_error(codecs::error_code::invalid_params,
                                "the room keeps its messages in memory: it cannot acknowledge as durable");
  why.path = "params.ack";
  return why;
}

codecs::error disk_is_behind() {
  auto why = codecs::make_error(codecs::error_code::rate_limited, "the disk is behind: send slower");
  why.retry_after_ms = limits::writer_retry_ms;
  return why;
}

codecs::error memory_is_short() {
  auto why = codecs::make_error(codecs::error_code::unavailable, "the node is short of memory");
  why.retry_after_ms = pressure::retry_after_ms;
  return why;
}

void refuse(const answer& to, storage::errc why) {
  if (why == storage::errc::outcome_unknown)
    to.leave_unknown();
  else
    to(refusal(why));
}

}  // namespace greenroom
