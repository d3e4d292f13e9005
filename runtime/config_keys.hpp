/// The table of keys: what each setting is called, what it may be, and why one would change it. Reading a config,
/// checking it, the reference and the file of defaults are made from it. Defaults are the initializers in `config.hpp`.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/config.hpp"
#include "runtime/config_value.hpp"

namespace greenroom::runtime {

template <class Settings>
struct config_key {
  std::string_view section;  ///< "gateway"; "namespace", "endpoint" and "grant" for those
  std::string_view name;
  value_kind kind;
  value_range range;
  place (*at)(Settings& in);
  std::string_view doc;  ///< sentences

  std::string full_name() const { return std::string{section}.append(".").append(name); }
};

struct config_section {
  std::string_view name;
  std::string_view doc;
};

std::span<const config_section> config_sections();
std::span<const config_key<config>> node_keys();                 ///< section by section
std::span<const config_key<config>> tls_keys();                  ///< those of `[tls]`, part of `node_keys`
std::span<const config_key<config>> tokens_keys();               ///< those of `[tokens]`, part of `node_keys`
std::span<const config_key<config>> secrets_keys();              ///< those of `[secrets]`, part of `node_keys`
std::span<const config_key<config>> schemas_keys();              ///< those of `[schemas]`, part of `node_keys`
std::span<const config_key<config>> edge_keys();                 ///< of proxies, part of `node_keys`
std::span<const config_key<config>> access_keys();               ///< what callers may, part of `node_keys`
std::span<const config_key<config>> audit_keys();                ///< those of `[audit]`, part of `node_keys`
std::span<const config_key<config>> limits_keys();               ///< those of `[limits.SCOPE]`, part of `node_keys`
limits_config default_limits();                                  ///< of a node without `--dev`
std::span<const config_key<namespace_config>> namespace_keys();  ///< of each `[namespace.NAME]`
std::span<const config_key<endpoint_config>> endpoint_keys();    ///< of each `[endpoint.NAME]`
std::span<const config_key<grant_config>> grant_keys();          ///< of each `[grant.NAME]`

/// A relation between settings that no single range can say.
template <class Settings>
struct config_rule {
  std::string_view key;  ///< the setting to change; of a namespace without its section
  bool (*holds)(const Settings& of);
  std::string_view sentence;  ///< "must …"
};

std::span<const config_rule<config>> node_rules();
std::span<const config_rule<config>> tls_rules();                  ///< part of `node_rules`
std::span<const config_rule<config>> secrets_rules();              ///< part of `node_rules`
std::span<const config_rule<config>> tokens_rules();               ///< part of `node_rules`
std::span<const config_rule<config>> edge_rules();                 ///< part of `node_rules`
std::span<const config_rule<config>> limits_rules();               ///< part of `node_rules`
std::span<const config_rule<namespace_config>> namespace_rules();  ///< for each namespace
std::span<const config_rule<endpoint_config>> endpoint_rules();    ///< for each endpoint
std::span<const config_rule<grant_config>> grant_rules();          ///< for each grant

/// What a grant's `actions` may hold, for its rooms and for its users.
inline constexpr std::array<std::string_view, 4> grant_room_actions{"join", "publish", "read", "members"};
inline constexpr std::array<std::string_view, 2> grant_user_actions{"send", "presence"};

/// What is wrong with an entry of that key of a grant, as "must …"; nothing: all are good.
std::optional<std::string> grant_flaw(std::string_view key, const std::vector<std::string>& entries);

}  // namespace greenroom::runtime
