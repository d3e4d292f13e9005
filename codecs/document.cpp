#include "codecs/document.hpp"

#include "codecs/msgpack.hpp"

namespace greenroom::codecs {
namespace {

thread_local std::unique_ptr<document> spare;

}  // namespace

std::error_code document::read(format in, std::string_view bytes, bounds within) {
  return in == format::json ? json_.read(bytes, within, values_) : read_msgpack(bytes, within, values_);
}

borrowed_document::borrowed_document() : held_{spare ? std::move(spare) : std::make_unique<document>()} {}

borrowed_document::~borrowed_document() {
  if (held_->footprint() <= limits::scratch_keep_bytes_max) spare = std::move(held_);
}

}  // namespace greenroom::codecs
