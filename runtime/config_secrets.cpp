#include <algorithm>
#include <cctype>

#include "runtime/config_keys.hpp"

namespace greenroom::runtime {
namespace {

using enum value_kind;

constexpr std::size_t id_bytes_max = 64;
constexpr std::size_t keys_max = 16;

const config_key<config> table[]{
    {"secrets",
     "keys",
     list,
     {0, keys_max},
     [](auto& c) -> place { return &c.secrets.keys; },
     "Keys that encrypt the keys of secrets and of encrypted rooms, as `ID=file:PATH` or `ID=env:NAME`. Each is 32 "
     "random "
     "bytes: raw, as 64 hexadecimal digits or as base64 (`greenroom secrets new-key` makes one). The first encrypts "
     "what "
     "is new, the others are there to decrypt until `greenroom secrets rotate` is done. A file must be readable by its "
     "owner alone."},
};

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= id_bytes_max &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_entry(std::string_view entry) {
  const auto equals = entry.find('=');
  if (equals == std::string_view::npos || !is_id(entry.substr(0, equals))) return false;
  const auto from = entry.substr(equals + 1);
  constexpr std::string_view file = "file:", environment = "env:";
  return (from.starts_with(file) && from.size() > file.size()) ||
         (from.starts_with(environment) && from.size() > environment.size());
}

std::string_view id_of(std::string_view entry) { return entry.substr(0, entry.find('=')); }

const config_rule<config> rules[]{
    {"secrets.keys", [](const config& c) { return std::ranges::all_of(c.secrets.keys, is_entry); },
     "must hold entries like \"2026-11=file:/etc/greenroom/kek\" or \"2026-11=env:GREENROOM_KEK\"; an id is up to 64 "
     "letters, digits, '-', '_' and '.'"},
    {"secrets.keys",
     [](const config& c) {
       for (auto each = c.secrets.keys.begin(); each != c.secrets.keys.end(); ++each)
         if (std::any_of(c.secrets.keys.begin(), each, [&](const auto& e) { return id_of(e) == id_of(*each); }))
           return false;
       return true;
     },
     "must not hold two keys of one id"},
    {"secrets.keys",
     [](const config& c) {
       return !c.secrets.keys.empty() ||
              std::ranges::none_of(c.namespaces, [](const auto& each) { return each.second.encrypted; });
     },
     "must name a key where a namespace is `encrypted`"},
};

}  // namespace

std::span<const config_key<config>> secrets_keys() { return table; }
std::span<const config_rule<config>> secrets_rules() { return rules; }

}  // namespace greenroom::runtime
