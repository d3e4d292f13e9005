#include "actors/engineio_channel.hpp"

namespace greenroom {

void engineio_channel::left(const runtime::close_info& how) {
  over_ = true;
  resume_reading();
  if (auto* to = std::exchange(events_, nullptr)) to->on_closed(how);
}

void engineio_channel::detach() noexcept {
  events_ = nullptr;
  resume_reading();
  if (!std::exchange(over_, true)) on_detached();
}

void engineio_channel::pause_reading() {
  if (!over_ && !std::exchange(paused_, true)) session_->pause_reading();
}

void engineio_channel::resume_reading() {
  if (std::exchange(paused_, false)) session_->resume_reading();
}

}  // namespace greenroom
