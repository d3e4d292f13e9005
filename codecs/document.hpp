#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "codecs/errc.hpp"
#include "codecs/json.hpp"
#include "codecs/limits.hpp"
#include "codecs/payload.hpp"
#include "codecs/value.hpp"

namespace greenroom::codecs {

/// DOCUMENT is one piece of input, JSON or MessagePack, validated whole and laid out as a flat list of its values
/// (value.hpp). Whoever reads calls, answers or payloads reads this list and does not know the format that it came in.
///
/// Lifecycle: read() as often as one likes; the values and all their views live until the next read(), and for
/// MessagePack as long as the input itself. Threading: one thread at a time. Bounds: `bounds`, checked before a value
/// is appended. Failure: an errc; values() is then meaningless.
class document {
 public:
  std::error_code read(format in, std::string_view bytes, bounds within = {});

  const value& root() const noexcept { return values_.front(); }

  /// The bytes that this document would keep for its next input.
  std::size_t footprint() const noexcept { return json_.footprint() + values_.capacity() * sizeof(value); }

 private:
  std::vector<value> values_;
  json_reader json_;
};

/// A document for the length of a scope. It comes from this thread's spare one, so that reading allocates nothing once
/// that has grown to the usual message; a scope inside a scope (a sink that transcodes) gets one of its own.
class borrowed_document {
 public:
  borrowed_document();
  ~borrowed_document();
  borrowed_document(const borrowed_document&) = delete;
  borrowed_document& operator=(const borrowed_document&) = delete;

  document* operator->() const noexcept { return held_.get(); }

 private:
  std::unique_ptr<document> held_;
};

}  // namespace greenroom::codecs
