#include "runtime/http_head.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::string_view http_word = " HTTP/";
constexpr std::size_t version_chars = 3;  // "1.1"

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

http_head::verdict check_version(std::string_view request_line) noexcept {
  using verdict = http_head::verdict;
  if (request_line.size() < http_word.size() + version_chars) return verdict::malformed;
  const auto version = request_line.substr(request_line.size() - version_chars);
  request_line.remove_suffix(version_chars);
  if (!request_line.ends_with(http_word) || !is_digit(version[0]) || version[1] != '.' || !is_digit(version[2])) {
    return verdict::malformed;
  }
  return version == "1.1" || version == "1.0" ? verdict::more : verdict::version_unsupported;
}

}  // namespace

http_head::verdict http_head::scan(std::string_view input) noexcept {
  for (; next_ != input.size(); ++next_) {
    const char c = input[next_];
    if (c == '\0' || c == '\n') return verdict::malformed;
    if (begin_ != 0 && next_ == line_ && (c == ' ' || c == '\t')) return verdict::malformed;  // a folded field
    if (c == '\r') {
      if (next_ + 1 == input.size()) return verdict::more;
      if (input[next_ + 1] != '\n') return verdict::malformed;
      const auto line = input.substr(line_, next_ - line_);
      next_ += 1;
      line_ = next_ + 1;
      if (const auto said = end_line(line); said != verdict::more) {
        next_ += said == verdict::complete ? 1 : 0;
        return said;
      }
    } else if (begin_ == 0 && next_ - line_ >= line_max_) {
      return verdict::uri_too_long;
    } else if (begin_ != 0 && next_ - begin_ >= bytes_max_) {
      return verdict::fields_too_large;
    }
  }
  return verdict::more;
}

http_head::verdict http_head::end_line(std::string_view line) noexcept {
  if (begin_ != 0) {
    if (line.empty()) return verdict::complete;
    return ++fields_ > fields_max_ ? verdict::fields_too_large : verdict::more;
  }
  if (line.empty()) {
    if (first_ != 0) return verdict::malformed;
    first_ = line_;  // one empty line before a request is allowed
    return verdict::more;
  }
  begin_ = line_;
  return check_version(line);
}

void http_head::reset() noexcept {
  next_ = line_ = first_ = begin_ = 0;
  fields_ = 0;
}

}  // namespace greenroom::runtime
