#include "runtime/grant_pattern.hpp"

namespace greenroom::runtime {
namespace {

constexpr std::string_view own_name = "${user}";
constexpr char between_parts = ':';

bool take(std::string_view& from, std::string_view what) noexcept {
  if (!from.starts_with(what)) return false;
  from.remove_prefix(what.size());
  return true;
}

}  // namespace

std::variant<grant_pattern, std::string> grant_pattern::parse(std::string_view text) {
  if (text.empty()) return "it is empty";
  if (text.size() > limits::grant_pattern_bytes_max) return "it is longer than 255 bytes";
  grant_pattern made;
  auto rest = text;
  if (rest.ends_with('*')) {
    made.open_ = true;
    rest.remove_suffix(1);
  }
  if (rest.find('*') != std::string_view::npos) return "a * stands only at the end";
  made.literals_.emplace_back();
  while (!rest.empty()) {
    const auto at = rest.find("${");
    made.literals_.back() = rest.substr(0, at);
    if (at == std::string_view::npos) break;
    const bool begins = at != 0 ? rest[at - 1] == between_parts : made.literals_.size() == 1;
    rest.remove_prefix(at);
    if (!take(rest, own_name)) return "${user} is the only name that it may have in ${}";
    const bool ends = rest.empty() ? !made.open_ : rest.front() == between_parts;
    if (!begins || !ends) return "${user} must be a whole part between colons, like inbox:${user} or game:${user}:*";
    made.literals_.emplace_back();
  }
  return made;
}

bool grant_pattern::matches(std::string_view name, std::string_view user) const noexcept {
  if (literals_.size() > 1 && (user.empty() || user.find(between_parts) != std::string_view::npos)) return false;
  for (std::size_t i = 0; i < literals_.size(); ++i) {
    if (i != 0 && !take(name, user)) return false;
    if (!take(name, literals_[i])) return false;
  }
  return open_ || name.empty();
}

}  // namespace greenroom::runtime
