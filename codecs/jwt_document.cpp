#include "codecs/jwt_document.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

namespace greenroom::codecs {

bool has_repeated_member(const value& in) {
  std::vector<std::string_view> names;
  for (const value* at = &in; at != in.end(); ++at) {
    if (!at->is(kind::object)) continue;
    names.clear();
    for (const auto [key, what] : members_of(*at)) names.push_back(key);
    std::ranges::sort(names);
    if (std::ranges::adjacent_find(names) != names.end()) return true;
  }
  return false;
}

}  // namespace greenroom::codecs
