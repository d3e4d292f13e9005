#pragma once
#include <cstddef>
#include <memory>
#include <string_view>
#include <system_error>
#include <vector>

#include "codecs/value.hpp"

namespace greenroom::codecs {

/// Reads JSON (RFC 8259) into a list of values, in one walk that validates everything: simdjson finds the tokens and
/// checks UTF-8 (docs/decisions/0010-json-at-the-wire.md). A lone surrogate is ill-formed; `-0` is the integer 0; a
/// float too large or too small for a double is flawed, as is an integer beyond 64 bits; a key that stands twice is
/// kept twice.
///
/// The views in the values point into the reader's own copy of the input, until the next read().
class json_reader {
 public:
  json_reader();
  ~json_reader();

  std::error_code read(std::string_view text, const bounds& within, std::vector<value>& out);
  std::size_t footprint() const noexcept;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace greenroom::codecs
