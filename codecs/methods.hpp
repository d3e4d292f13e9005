#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "codecs/call.hpp"
#include "codecs/params_reader.hpp"

namespace greenroom::codecs {

/// What a parameter or a member of a result looks like, as far as documentation says it.
enum class shape : std::uint8_t { text, natural, flag, any, object, list, names, position, resume, ack };
enum class need : std::uint8_t { required, optional };

struct field {
  std::string_view name;
  shape looks = shape::any;
  need is = need::required;
  std::uint64_t max = 0;  ///< bytes of a text, largest natural; 0: as large as it comes
};

/// A method of the protocol: what is said of it and how its parameters are read.
struct method {
  std::string_view name, summary;
  std::span<const field> params, result;
  call (*read)(params_reader&);
};

/// The one table of methods, in the order of the alternatives of `call`; `other` has no row. The reader finds methods
/// here, metrics their names, and `rpc.discover` its document.
std::span<const method> methods() noexcept;

/// The row of that name, or null: a service's method.
const method* find_method(std::string_view name) noexcept;

}  // namespace greenroom::codecs
