/// HTTP_HEAD looks at the raw bytes of a request's head before a parser keeps anything of them: its limits, and the
/// line endings and foldings by which two parsers could be made to see different requests (RFC 9112, 2.2, 5.2, 9.5).
///
/// Lifecycle: `scan` as the input grows, until it says something else than `more`; `reset` for the next request. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "runtime/http.hpp"

namespace greenroom::runtime {

class http_head {
 public:
  enum class verdict : std::uint8_t {
    more,                 ///< So far, so good.
    complete,             ///< A whole head of `size()` bytes.
    malformed,            ///< 400
    uri_too_long,         ///< 414
    fields_too_large,     ///< 431
    version_unsupported,  ///< 505
  };

  explicit http_head(const http_limits& limits) noexcept
      : line_max_{limits.request_line_bytes_max}, bytes_max_{limits.header_bytes_max}, fields_max_{limits.fields_max} {}

  /// `input` begins as it did the last time and may have grown.
  verdict scan(std::string_view input) noexcept;
  std::size_t size() const noexcept { return next_; }
  /// The complete head at the beginning of `input`, without an empty line before it.
  std::string_view text(std::string_view input) const noexcept { return input.substr(first_, next_ - first_); }
  void reset() noexcept;

 private:
  verdict end_line(std::string_view line) noexcept;

  std::uint32_t line_max_, bytes_max_, fields_max_;
  std::size_t next_ = 0;   ///< The first byte that was not looked at.
  std::size_t line_ = 0;   ///< Where the current line begins.
  std::size_t first_ = 0;  ///< Where the request line begins.
  std::size_t begin_ = 0;  ///< Where the fields begin; 0: the request line is not complete.
  std::uint32_t fields_ = 0;
};

}  // namespace greenroom::runtime
