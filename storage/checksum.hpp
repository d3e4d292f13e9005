/// Sums by which a row that the disk gives back is known to be the row that was put there: XXH3, 64 bits, over what the
/// row says and over whose it is, so that a row which was garbled, or stands where another one belongs, does not match.
/// They find accidents, not forgeries.
///
/// Threading: none of their own.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace greenroom::storage {

/// Of a message: whose it is (a log's or an inbox's number, which is never used twice), its place there, its own number.
std::int64_t message_sum(std::uint64_t owner, std::uint64_t place, std::uint64_t message, std::int64_t at_ms,
                         std::string_view body) noexcept;

/// The sum of a body that lies encrypted, from what `message_sum` says of its bytes: by it a reader knows which it is.
constexpr std::int64_t encrypted_form(std::int64_t sum) noexcept { return ~sum; }

/// Of a row's fields, in an order that writer and reader share.
class row_sum {
 public:
  template <std::integral Number>
  row_sum& operator<<(Number value) {
    const auto wide = static_cast<std::uint64_t>(value);
    return raw(&wide, sizeof wide);
  }
  row_sum& operator<<(std::string_view field) {
    *this << field.size();
    return raw(field.data(), field.size());
  }
  std::int64_t value() const noexcept;

 private:
  row_sum& raw(const void* data, std::size_t size) {
    fields_.append(static_cast<const char*>(data), size);
    return *this;
  }

  std::string fields_;
};

}  // namespace greenroom::storage
