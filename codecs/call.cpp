#include "codecs/call.hpp"

#include "codecs/methods.hpp"

namespace greenroom::codecs {

std::string_view method_of(const call& what) {
  if (const auto* other = std::get_if<calls::other>(&what)) return other->method;
  if (const auto* event = std::get_if<calls::channel_event>(&what)) return event->event;
  return what.index() < methods().size() ? methods()[what.index()].name : "inbox.open";
}

}  // namespace greenroom::codecs
