#include "codecs/call.hpp"

#include "codecs/methods.hpp"

namespace greenroom::codecs {

std::string_view method_of(const call& what) {
  if (const auto* other = std::get_if<calls::other>(&what)) return other->method;
  return methods()[what.index()].name;
}

}  // namespace greenroom::codecs
