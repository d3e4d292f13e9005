#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "codecs/phoenix_frames.hpp"

namespace greenroom::codecs::phoenix {

/// What a topic is to the node.
enum class topic_sort : std::uint8_t {
  room,       ///< or a channel that a service serves
  greenroom,  ///< the native methods and pushes under their names
  service,    ///< `service:NAME`: event E is the method NAME.E
  inbox       ///< `inbox:USER`
};
inline constexpr std::string_view methods_topic = "greenroom", service_prefix = "service:", inbox_prefix = "inbox:";
topic_sort sort_of(std::string_view topic) noexcept;

/// `room:*` is every topic that begins with `room:`, as in Phoenix; any other pattern is the topic itself.
bool matches(std::string_view pattern, std::string_view topic) noexcept;

/// What one socket has joined.
struct joined_topic {
  enum class phase : std::uint8_t {
    joining,
    joined,
    crashed  ///< the client was told so; it is a member yet, until it joins anew or leaves
  };
  ref join{};
  std::uint64_t serial = 0;  ///< tells two joins of one topic apart, whatever their refs
  phase is = phase::joining;
  bool tells_position = false;
};
using topic_table = std::map<std::string, joined_topic, std::less<>>;

/// Frames of what the server says unasked: to everybody (`topics` null), or to the socket that joined those topics, with
/// its join_refs; what is for a topic that it has not joined is not said. A topic that is over leaves the table.
std::string say(const push& what, topic_table* topics);

}  // namespace greenroom::codecs::phoenix
