#include "codecs/payload.hpp"

#include <stdexcept>

#include "codecs/transcode.hpp"

namespace greenroom::codecs {

std::string_view payload::as(format wanted) const {
  if (wanted == origin_) return bytes_;
  std::call_once(once_, [this] {
    auto other = transcode(origin_, bytes_, unbounded);
    if (!other) throw std::logic_error{"A payload is no document of its format."};
    other_ = std::move(*other);
  });
  return other_;
}

}  // namespace greenroom::codecs
