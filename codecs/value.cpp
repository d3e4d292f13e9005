#include "codecs/value.hpp"

namespace greenroom::codecs {

const value* find(const value& object, std::string_view key) noexcept {
  const value* found = nullptr;
  for (const auto [name, what] : members_of(object)) {
    if (name == key) found = &what;
  }
  return found;
}

const value* first_flaw(const value& in) noexcept {
  for (const value* v = &in; v != in.end(); ++v) {
    if (v->flaw != errc::success) return v;
  }
  return nullptr;
}

std::string path_to(const value& to, const value& from, std::string_view name) {
  std::string path{name};
  const auto holds = [&to](const value& v) { return &v <= &to && &to < v.end(); };
  const value* at = &from;
  while (at != &to) {
    const value* next = nullptr;
    std::size_t index = 0;
    if (at->is(kind::array)) {
      for (const value& item : items_of(*at)) {
        if (holds(item)) {
          next = &item;
          break;
        }
        ++index;
      }
      if (next != nullptr) path += '[' + std::to_string(index) + ']';
    } else {
      for (const auto [key, what] : members_of(*at)) {
        if (!holds(what)) continue;
        next = &what;
        if (!path.empty()) path += '.';
        path += key.size() <= limits::path_segment_bytes_max ? key : std::string_view{"…"};
        break;
      }
    }
    if (next == nullptr) return path;  // a flawed key: its map is named
    at = next;
  }
  return path;
}

}  // namespace greenroom::codecs
