#pragma once
#include <cstdint>
#include <system_error>

namespace greenroom::codecs {

/// Why bytes are not taken. The first group ends the reading of a document; the second marks one value in a document
/// that is otherwise well formed.
enum class errc : std::uint8_t {
  success = 0,
  ill_formed,         ///< not a document of its format: syntax, truncation, trailing bytes, bad UTF-8 in JSON
  too_deep,           ///< over limits::depth_max
  too_many_elements,  ///< over limits::elements_max, found or declared
  declares_too_much,  ///< a MessagePack length that no message may have

  number_out_of_range,  ///< an integer beyond 64 bits, a float beyond double
  number_not_finite,    ///< NaN or an infinity
  invalid_utf8,         ///< in a MessagePack string
  key_not_text,         ///< a MessagePack map with another key than a string
};

const std::error_category& codecs_category() noexcept;
inline std::error_code make_error_code(errc e) noexcept { return {static_cast<int>(e), codecs_category()}; }

}  // namespace greenroom::codecs

template <>
struct std::is_error_code_enum<greenroom::codecs::errc> : std::true_type {};
